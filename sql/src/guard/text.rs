//! Bounds on the text of a question, checked by a lexer that does not recurse.

use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

use crate::Error;

/// Generated queries with long `IN` lists fit; a book does not.
pub const MAX_BYTES: usize = 64 * 1024;
/// A chain such as `1+1+…` becomes a tree as deep as it has tokens.
pub const MAX_TOKENS: usize = 8_192;
/// Brackets and `CASE`s within each other. People write five.
pub const MAX_DEPTH: usize = 48;
/// `SELECT`s, `JOIN`s and commas between tables: planning time grows with their square.
pub const MAX_BRANCHES: usize = 96;

/// Refuses a text that is too long, too deep or too branched to be planned in bounded time and stack.
pub fn check(sql: &str) -> Result<(), Error> {
    if sql.len() > MAX_BYTES {
        return Err(Error::Refused(format!("the text has {} bytes; {MAX_BYTES} are the limit", sql.len())));
    }
    let tokens = Tokenizer::new(&GenericDialect {}, sql).tokenize().map_err(|e| Error::Syntax(e.to_string()))?;
    let (mut count, mut depth, mut branches) = (0, 0_usize, 0);
    for token in &tokens {
        match token {
            Token::Whitespace(_) => continue,
            Token::LParen | Token::LBracket | Token::LBrace => depth += 1,
            Token::RParen | Token::RBracket | Token::RBrace => depth = depth.saturating_sub(1),
            Token::Word(word) => match word.keyword {
                Keyword::CASE => depth += 1,
                Keyword::END => depth = depth.saturating_sub(1),
                Keyword::SELECT | Keyword::JOIN | Keyword::UNION | Keyword::EXCEPT | Keyword::INTERSECT => {
                    branches += 1
                }
                Keyword::VALUES | Keyword::PIVOT | Keyword::UNPIVOT => branches += 1,
                _ => {}
            },
            _ => {}
        }
        count += 1;
        if count > MAX_TOKENS {
            return Err(Error::Refused(format!("more than {MAX_TOKENS} words and signs")));
        }
        if depth > MAX_DEPTH {
            return Err(Error::Refused(format!("brackets more than {MAX_DEPTH} deep")));
        }
        if branches > MAX_BRANCHES {
            return Err(Error::Refused(format!("more than {MAX_BRANCHES} selects and joins")));
        }
    }
    if count == 0 {
        return Err(Error::Syntax("there is no statement".into()));
    }
    Ok(())
}
