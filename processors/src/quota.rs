use crate::handle::Deps;
pub(crate) fn make(_deps: &Deps) {}
