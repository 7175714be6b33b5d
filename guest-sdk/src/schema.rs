//! JSON Schemas of what workflows take and give, for those whose types have them.
//!
//! Which types have one is known where the type is, and nowhere else: [`HasSchema`] is for all of
//! which it is known, and [`HasNoSchema`], a reference further away, for all. A call takes the
//! nearer one.

use std::marker::PhantomData;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;

/// What a workflow takes and gives.
pub struct Schemas {
    /// The schema of its input, as JSON; of `null`, where it takes none.
    pub input: Option<String>,
    /// The schema of its output, as JSON.
    pub output: Option<String>,
}

/// Stands for a type, and for where it is: what serde reads may differ from what it writes.
pub struct Of<T> {
    read: bool,
    of: PhantomData<T>,
}

impl<T> Of<T> {
    /// Where it is read.
    pub const INPUT: Self = Self { read: true, of: PhantomData };

    /// Where it is written.
    pub const OUTPUT: Self = Self { read: false, of: PhantomData };
}

/// A type that has a schema.
pub trait HasSchema {
    /// Its schema, as JSON.
    fn __segno_schema(&self) -> Option<String>;
}

impl<T: JsonSchema> HasSchema for Of<T> {
    fn __segno_schema(&self) -> Option<String> {
        let settings = SchemaSettings::draft2020_12();
        let settings =
            if self.read { settings.for_deserialize() } else { settings.for_serialize() };
        serde_json::to_string(&settings.into_generator().into_root_schema_for::<T>()).ok()
    }
}

/// Any type: one that has a schema has it nearer.
pub trait HasNoSchema {
    /// None.
    fn __segno_schema(&self) -> Option<String>;
}

impl<T> HasNoSchema for &Of<T> {
    fn __segno_schema(&self) -> Option<String> {
        None
    }
}
