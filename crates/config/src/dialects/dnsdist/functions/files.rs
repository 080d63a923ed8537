//! Files that the configuration reads.

use std::path::{Path, PathBuf};

use mlua::{Lua, Value};

use crate::dialects::dnsdist::failure::{Failure, Located};
use crate::dialects::dnsdist::state::State;
use crate::dialects::dnsdist::tables::{Function, RunFailure};
use crate::dialects::dnsdist::values;
use crate::dialects::dnsdist::vm;

pub(super) const ROWS: &[Function] = &[Function::running(
    "includeDirectory",
    "(directory)",
    "runs every file of a directory whose name ends in .conf, in order of their names",
    include_directory,
)];

fn include_directory(lua: &Lua, arguments: &[Value]) -> Result<(), RunFailure> {
    let directory = arguments.first().unwrap_or(&Value::Nil);
    let directory: String = values::read("directory", directory).map_err(RunFailure::Own)?;
    let files = configuration_files(Path::new(&directory)).map_err(RunFailure::Own)?;
    let is_nested = with_state(lua, |state| std::mem::replace(&mut state.is_including, true));
    if is_nested != Some(false) {
        return Err(RunFailure::Own(Failure::new(
            "an included file cannot include others",
        )));
    }
    let ran = files.iter().try_for_each(|file| run(lua, file));
    with_state(lua, |state| state.is_including = false);
    ran
}

fn run(lua: &Lua, file: &Path) -> Result<(), RunFailure> {
    let unreadable = |error| RunFailure::Own(Failure::new(format!("{}: {error}", file.display())));
    let source = std::fs::read_to_string(file).map_err(unreadable)?;
    let (chunk, warnings) = vm::compile(lua, &source, file).map_err(|error| {
        RunFailure::Inner(mlua::Error::external(Located {
            place: error.place,
            message: error.message,
        }))
    })?;
    with_state(lua, |state| {
        warnings.into_iter().for_each(|warning| state.warn(warning))
    });
    chunk.call::<()>(()).map_err(RunFailure::Inner)
}

fn with_state<T>(lua: &Lua, act: impl FnOnce(&mut State) -> T) -> Option<T> {
    let mut state = lua.try_app_data_mut::<State>().ok()??;
    Some(act(&mut state))
}

/// The files of a directory in dnsdist's order; those whose name begins with a dot are not meant.
fn configuration_files(directory: &Path) -> Result<Vec<PathBuf>, Failure> {
    let unreadable = |error| Failure::new(format!("{}: {error}", directory.display()));
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        if name.ends_with(".conf") && !name.starts_with('.') && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
