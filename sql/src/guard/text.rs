//! Bounds on the text of a question, checked by a lexer that does not recurse.

use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

use crate::Error;

/// Generated queries with long `IN` lists fit; a book does not.
pub const MAX_BYTES: usize = 64 * 1024;
/// Tokens of the longest list.
pub const MAX_TOKENS: usize = 8_192;
/// A chain such as `a = 1 OR a = 2 …` becomes a tree as deep as it is long, and planning takes the square of that. `IN` does not.
pub const MAX_OPERATORS: usize = 1_024;
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
    let (mut count, mut depth, mut branches, mut operators, mut types) = (0, 0_usize, 0, 0, 0);
    let mut after_type = false;
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
                Keyword::AND | Keyword::OR | Keyword::NOT => operators += 1,
                _ => {}
            },
            // `ARRAY<ARRAY<…`: its closing signs may be one token, so they are never taken off.
            Token::Lt if after_type => types += 1,
            Token::Comma | Token::Period | Token::SemiColon | Token::Number(..) | Token::SingleQuotedString(_) => {}
            _ => operators += 1,
        }
        after_type = matches!(token, Token::Word(word)
            if matches!(word.keyword, Keyword::ARRAY | Keyword::STRUCT | Keyword::MAP));
        count += 1;
        if count > MAX_TOKENS {
            return Err(Error::Refused(format!("more than {MAX_TOKENS} words and signs")));
        }
        if operators > MAX_OPERATORS {
            return Err(Error::Refused(format!("more than {MAX_OPERATORS} operators; `IN (…)` takes long lists")));
        }
        if depth.max(types) > MAX_DEPTH {
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
