//! dnsdist's functions by theme: each file is rows, and the bodies that are too long for a row.

mod actions;
mod cache;
mod chains;
mod console;
mod files;
mod listen;
mod names;
mod options;
mod policies;
mod pools;
mod reply_actions;
mod selectors;
pub(crate) mod servers;
mod settings;
mod show;
mod show_rules;
mod tcp;
mod unsupported;
mod web;
mod weir;

use super::reference::Part;
use super::tables::Function;

/// Every function.
pub(crate) fn all() -> impl Iterator<Item = &'static Function> {
    THEMES
        .iter()
        .copied()
        .chain(chains::CHAINS)
        .chain(show_rules::CHAINS)
        .flatten()
}

const THEMES: &[&[Function]] = &[
    listen::ROWS,
    servers::ROWS,
    pools::ROWS,
    policies::ROWS,
    cache::ROWS,
    selectors::ROWS,
    actions::ROWS,
    reply_actions::ROWS,
    chains::ROWS,
    names::ROWS,
    settings::ROWS,
    tcp::ROWS,
    console::ROWS,
    web::ROWS,
    show::ROWS,
    files::ROWS,
    weir::ROWS,
    unsupported::ROWS,
];

/// Every key of the tables of options.
pub(crate) fn keys() -> Vec<Part> {
    let themes = [
        listen::keys(),
        servers::keys(),
        cache::keys(),
        options::keys(),
        settings::keys(),
        show::keys(),
        show_rules::keys(),
        web::keys(),
        weir::keys(),
    ];
    themes.into_iter().flatten().collect()
}

/// A row for a function that takes one value and sets something.
macro_rules! setting {
    ($name:literal, $args:literal, $doc:literal, $type:ty, |$spec:ident, $value:pat_param| $set:expr) => {
        $crate::dialects::dnsdist::tables::Function::new($name, $args, $doc, |call| {
            let $value = call.required::<$type>("the value")?;
            let $spec = call.state.edit();
            $set;
            Ok(mlua::Value::Nil)
        })
    };
}
pub(crate) use setting;

/// A row for a function that sets what Weir has no use for: any arguments are taken.
macro_rules! moot {
    ($name:literal, $doc:literal) => {
        $crate::dialects::dnsdist::tables::Function::new(
            $name,
            "(...)",
            concat!($doc, " (nothing to set in Weir)"),
            |call| {
                call.ignore_rest();
                Ok(mlua::Value::Nil)
            },
        )
    };
}
pub(crate) use moot;
