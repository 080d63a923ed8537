//! What dnsdist's functions return: objects with methods. One file each, with a table of its methods.

pub(crate) mod address;
pub(crate) mod cache;
pub(crate) mod dns_name;
pub(crate) mod netmask_group;
pub(crate) mod policy;
pub(crate) mod pool;
pub(crate) mod rule;
pub(crate) mod server;
pub(crate) mod sets;

use mlua::{MetaMethod, MultiValue, UserData, UserDataFields, UserDataMethods, Value};

use super::call::{self, Call};
use super::failure::Failure;
use super::state::State;
use super::tables::{Field, Method, Support};

/// A type that Lua holds and calls methods of.
pub(crate) trait Object: Sized + Send + Sync + 'static {
    /// What documentation calls it.
    const KIND: &'static str;
    /// What an argument of this type must be.
    const EXPECTED: &'static str;
    /// Its methods.
    const METHODS: &'static [Method<Self>];
    /// Its fields.
    const FIELDS: &'static [Field<Self>] = &[];

    /// The object as a line of text, for `toString` and the console.
    fn describe(&self, state: &State) -> String;
}

/// An [`Object`] in Lua's hands.
#[derive(Clone, Debug)]
pub(crate) struct Wrapped<T>(pub(crate) T);

impl<T: Object> UserData for Wrapped<T> {
    fn add_fields<F: UserDataFields<Self>>(fields: &mut F) {
        for field in T::FIELDS {
            fields.add_field_method_get(field.name, move |lua, Self(this)| {
                call::dispatch(lua, field.name, MultiValue::new(), |call| (field.get)(this, call))
            });
            let Some(set) = field.set else { continue };
            fields.add_field_method_set(field.name, move |lua, Self(this), value: Value| {
                call::dispatch(lua, field.name, MultiValue::from_iter([value]), |call| {
                    set(this, call)
                })
                .map(drop)
            });
        }
    }

    fn add_methods<M: UserDataMethods<Self>>(methods: &mut M) {
        for method in T::METHODS {
            methods.add_method_mut(method.name, move |lua, Self(this), arguments: MultiValue| {
                call::dispatch(lua, method.name, arguments, |call| match method.body {
                    Support::Built(body) => body(this, call),
                    Support::NotYet => Err(Failure::new("not supported yet")),
                })
            });
        }
        methods.add_method("toString", |lua, Self(this), ()| {
            call::dispatch(lua, "toString", MultiValue::new(), |call| describe(this, call))
        });
        methods.add_meta_method(MetaMethod::ToString, |lua, Self(this), ()| {
            call::dispatch(lua, "tostring", MultiValue::new(), |call| describe(this, call))
        });
    }
}

fn describe<T: Object>(object: &T, call: &mut Call<'_>) -> Result<Value, Failure> {
    let text = object.describe(call.state);
    call.give(text)
}

impl Call<'_> {
    /// Gives an object to Lua.
    pub(crate) fn give_object<T: Object>(&self, object: T) -> Result<Value, Failure> {
        Ok(Value::UserData(self.lua.create_userdata(Wrapped(object))?))
    }
}
