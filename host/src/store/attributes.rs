//! The attributes of runs: what is written of them. What finds runs by them is in `index`.

use std::collections::BTreeMap;

use segno_journal::{Attributes, Command, RunId};

use crate::store::codec::{self, bad_key};
use crate::store::draft::{Draft, Rows};
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::keys;
use crate::store::records::Attribute;
use crate::store::tables::Table;

impl Rows {
    /// Also changes the attributes of a run as its workflow asks. Of several changes of one the last counts.
    pub(super) fn change_attributes(&mut self, run: RunId, commands: &[Command]) {
        let changes = commands.iter().filter_map(|command| command.attribute());
        for (name, value) in changes.collect::<BTreeMap<_, _>>() {
            let key = keys::named(run, name);
            match value {
                None => self.delete(Table::Attributes, key),
                Some(value) => {
                    let attribute = Attribute { value: value.clone(), given: false };
                    self.put(Table::Attributes, key, codec::encode(&attribute));
                }
            }
        }
    }
}

impl<T> Draft<T> {
    /// Also gives a new run the attributes that came with its start, but for those that its first turn, which is in
    /// the draft, has changed.
    pub fn with_attributes(mut self, run: RunId, attributes: &Attributes) -> Self {
        for (name, value) in attributes {
            let key = keys::named(run, name);
            let is_changed =
                |row: &crate::store::draft::Row| row.table == Table::Attributes && row.key == key;
            if !self.rows.rows.iter().any(is_changed) {
                let attribute = Attribute { value: value.clone(), given: true };
                self.rows.put(Table::Attributes, key, codec::encode(&attribute));
            }
        }
        self
    }
}

impl Store {
    /// The attributes of a run, by name.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub fn attributes(&self, run: RunId) -> Result<BTreeMap<String, Attribute>, StoreError> {
        let moment = self.moment()?;
        let rows = moment.range(Table::Attributes, &keys::names_of(run))?;
        rows.map(|row| {
            let row = row?;
            let name = row.key().get(16..).map(<[u8]>::to_vec).map(String::from_utf8);
            let name = name.and_then(Result::ok).ok_or_else(|| bad_key(Table::Attributes))?;
            Ok((name, codec::decode(Table::Attributes.name(), row.value())?))
        })
        .collect()
    }
}
