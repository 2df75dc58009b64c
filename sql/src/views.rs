//! Views: queries over the tables under names of their own. `audit` and `findings` are stable: their columns are a
//! promise to outside queries, and only grow at the end.
//!
//! Views sum per request before they join, so that a second row of usage or cost adds up and never multiplies rows.

mod audit;
mod duplicates;
mod findings;
mod gaps;
mod spend_by_day;

/// One view. `sql` is planned for every query that names it.
#[derive(Debug)]
pub struct View {
    pub name: &'static str,
    pub doc: &'static str,
    pub sql: &'static str,
    /// The relations that `sql` names: tables, or views before this one in [`all`].
    pub reads: &'static [&'static str],
    pub columns: &'static [ViewColumn],
}

/// One column of a view. A test holds name and type to what `sql` answers.
#[derive(Debug)]
pub struct ViewColumn {
    pub name: &'static str,
    pub data_type: &'static str,
    pub doc: &'static str,
}

const fn column(name: &'static str, data_type: &'static str, doc: &'static str) -> ViewColumn {
    ViewColumn { name, data_type, doc }
}

/// Every view; one that reads another comes after it.
pub fn all() -> &'static [&'static View] {
    static ALL: [&View; 5] = [&audit::VIEW, &findings::VIEW, &gaps::VIEW, &duplicates::VIEW, &spend_by_day::VIEW];
    &ALL
}

pub fn by_name(name: &str) -> Option<&'static View> {
    all().iter().copied().find(|view| view.name == name)
}
