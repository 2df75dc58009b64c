//! The prices of one model at one time: by what is billed, by service tier, by the length of the prompt.

use crate::exact::Exact;

/// What is billed apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    Input,
    CacheRead,
    /// Cache writes that live for five minutes.
    CacheWrite,
    /// Cache writes that live for an hour.
    CacheWriteHour,
    AudioInput,
    Output,
    Reasoning,
    AudioOutput,
    ImageOutput,
}

const ITEMS: usize = 9;

/// How a call is served, and so priced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    Standard,
    Batch,
    Flex,
    Priority,
}

const TIERS: usize = 4;

impl Tier {
    pub const ALL: [Self; TIERS] = [Self::Standard, Self::Batch, Self::Flex, Self::Priority];

    /// Reads a tier's name as providers spell it.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "" | "standard" | "default" | "auto" | "on_demand" | "scale" | "standard_only" => Some(Self::Standard),
            "batch" | "batches" => Some(Self::Batch),
            "flex" => Some(Self::Flex),
            "priority" | "fast" => Some(Self::Priority),
            _ => None,
        }
    }
}

/// Prices per token that hold once a prompt is longer than `above` tokens.
#[derive(Clone, Debug, Default)]
pub(crate) struct Step {
    pub(crate) above: i64,
    prices: [[Option<Exact>; ITEMS]; TIERS],
}

impl Step {
    pub(crate) fn get(&self, tier: Tier, item: Item) -> Option<Exact> {
        self.prices[tier as usize][item as usize]
    }
    pub(crate) fn set(&mut self, tier: Tier, item: Item, price: Option<Exact>) {
        self.prices[tier as usize][item as usize] = price;
    }
}

/// All prices of a model at a time. The first step holds from the first token.
#[derive(Clone, Debug)]
pub(crate) struct Rates {
    steps: Vec<Step>,
}

impl Default for Rates {
    fn default() -> Self {
        Self { steps: vec![Step::default()] }
    }
}

impl Rates {
    /// The step that holds above so many tokens (0: always), made where there is none.
    pub(crate) fn step(&mut self, above: i64) -> &mut Step {
        let at = match self.steps.binary_search_by_key(&above, |step| step.above) {
            Ok(at) => at,
            Err(at) => {
                self.steps.insert(at, Step { above, ..Step::default() });
                at
            }
        };
        &mut self.steps[at]
    }

    /// Whether anything is priced that an ordinary call has.
    pub(crate) fn is_priced(&self) -> bool {
        self.steps.iter().any(|step| {
            Tier::ALL
                .iter()
                .any(|tier| step.get(*tier, Item::Input).is_some() || step.get(*tier, Item::Output).is_some())
        })
    }

    /// The price of one token; `None` where there is none.
    ///
    /// What has no price of its own is billed as what it is a kind of: cached or audio input as input, reasoning as
    /// output.
    pub(crate) fn price(&self, item: Item, tier: Tier, prompt_tokens: i64) -> Option<Exact> {
        self.own_price(item, tier, prompt_tokens).or_else(|| {
            let general = match item {
                Item::Input | Item::Output => return None,
                Item::CacheWriteHour => Item::CacheWrite,
                Item::CacheRead | Item::CacheWrite | Item::AudioInput => Item::Input,
                Item::Reasoning | Item::AudioOutput | Item::ImageOutput => Item::Output,
            };
            self.price(general, tier, prompt_tokens)
        })
    }

    /// The highest step that the whole prompt exceeds counts. Within it a tier without a price costs the standard one,
    /// batch half of that.
    fn own_price(&self, item: Item, tier: Tier, prompt_tokens: i64) -> Option<Exact> {
        let reached = self.steps.iter().rev().filter(|step| step.above == 0 || prompt_tokens > step.above);
        reached.into_iter().find_map(|step| {
            step.get(tier, item).or_else(|| {
                let standard = step.get(Tier::Standard, item)?;
                Some(if tier == Tier::Batch { standard.half() } else { standard })
            })
        })
    }

    /// The highest price of any of the items for a prompt of at most so many tokens, over all tiers.
    pub(crate) fn highest(&self, items: &[Item], prompt_tokens: i64) -> Option<Exact> {
        let lengths =
            self.steps.iter().map(|step| step.above).filter(|above| *above < prompt_tokens).map(|above| above + 1);
        let prices = lengths.chain([prompt_tokens]).flat_map(|length| {
            items.iter().flat_map(move |item| Tier::ALL.iter().filter_map(move |tier| self.price(*item, *tier, length)))
        });
        prices.max()
    }

    /// Reasoning priced like other output says nothing: where a tier or a step changes the one, it changes both.
    pub(crate) fn forget_plain_reasoning(&mut self) {
        for step in &mut self.steps {
            for tier in Tier::ALL {
                if step.get(tier, Item::Reasoning) == step.get(tier, Item::Output) {
                    step.set(tier, Item::Reasoning, None);
                }
            }
        }
    }
}
