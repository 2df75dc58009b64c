use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use weir_pricing::PriceTable;
use weir_schemas::Timestamp;

use crate::Provider;
use crate::provider::Providers;
use crate::reader::{Report, Section, closest, did_you_mean};

/// Long enough for most answers; a budget sets aside the price of all of it.
const MAX_OUTPUT_TOKENS: i64 = 4_096;

/// A model as clients call it.
#[derive(Clone, Debug)]
pub struct Model {
    pub name: String,
    pub provider: Arc<Provider>,
    pub upstream_model: String,
    /// cap put on a call of a budgeted key that names none
    pub max_output_tokens: i64,
    /// may be called under a budget without a price
    pub free: bool,
}

impl Model {
    /// The name under which the table prices it at `at`: its own, else the provider's.
    pub fn priced_as(&self, prices: &PriceTable, at: Timestamp) -> Option<&str> {
        [self.name.as_str(), self.upstream_model.as_str()].into_iter().find(|name| prices.has_price(name, at))
    }
}

#[derive(Default)]
pub(crate) struct Models {
    pub(crate) by_name: BTreeMap<String, Arc<Model>>,
    /// Those with mistakes too: who refers to one of them has made none.
    pub(crate) named: BTreeSet<String>,
}

pub(crate) fn read_all(sections: Vec<Section<'_, '_>>, providers: &Providers, report: &mut Report) -> Models {
    let mut models = Models::default();
    for mut section in sections {
        let named = section.need("name", report);
        let name = named.as_ref().and_then(|value| value.name(report));
        let provider = section.need("provider", report).and_then(|value| {
            let name = value.text(report)?;
            let known = providers.get(name).map(Arc::clone);
            known.or_else(|| {
                let close = closest(name, providers.keys().map(String::as_str));
                value.dangling(report, &format!("no provider has this name{}", did_you_mean(close)))
            })
        });
        let upstream = section.get("upstream_model").and_then(|value| value.name(report)).or(name);
        let tokens = section.get("max_output_tokens").and_then(|value| value.integer(1..=10_000_000, report));
        let free = section.get("free").and_then(|value| value.boolean(report)).unwrap_or(false);
        section.finish(report);

        let (Some(named), Some(name)) = (named, name) else { continue };
        if !models.named.insert(name.to_owned()) {
            named.wrong::<()>(report, "another model has this name");
            continue;
        }
        let (Some(provider), Some(upstream)) = (provider, upstream) else { continue };
        let max_output_tokens = tokens.unwrap_or(MAX_OUTPUT_TOKENS);
        let model = Model { name: name.into(), provider, upstream_model: upstream.into(), max_output_tokens, free };
        models.by_name.insert(name.into(), Arc::new(model));
    }
    models
}
