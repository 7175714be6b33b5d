//! How a record can get a field.
//!
//! What is stored has no names of fields, so that a struct which gets one would be read wrongly from
//! what was written before. So a struct that is stored says how many fields it has, and then lists them:
//! of an older one, the last fields are missing and are what their types have as default. What a newer
//! version of the host wrote is refused, because a part of it would be lost.

/// Implements `Serialize` and `Deserialize` for a struct that may get fields: it is a list of them, in
/// this order. New ones go to the end, behind a semicolon; an older record does not have them, and they
/// are their default then. A field never goes away, and none changes its type.
///
/// ```
/// # use segno_journal::grows;
/// #[derive(Debug, PartialEq)]
/// struct Parcel {
///     grams: u64,
///     label: Option<String>,
/// }
///
/// grows!(Parcel { grams; label });
/// ```
#[macro_export]
macro_rules! grows {
    ($name:ident { $($first:ident),+ $(; $($later:ident),+)? }) => {
        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> ::core::result::Result<S::Ok, S::Error> {
                const FIELDS: usize = [$(stringify!($first),)+ $($(stringify!($later),)+)?].len();
                let mut fields = ::serde::Serializer::serialize_seq(serializer, Some(FIELDS))?;
                $(::serde::ser::SerializeSeq::serialize_element(&mut fields, &self.$first)?;)+
                $($(::serde::ser::SerializeSeq::serialize_element(&mut fields, &self.$later)?;)+)?
                ::serde::ser::SerializeSeq::end(fields)
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> ::core::result::Result<Self, D::Error> {
                struct Fields;

                impl<'de> ::serde::de::Visitor<'de> for Fields {
                    type Value = $name;

                    fn expecting(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                        f.write_str(concat!("the fields of `", stringify!($name), "`"))
                    }

                    fn visit_seq<A: ::serde::de::SeqAccess<'de>>(
                        self,
                        mut fields: A,
                    ) -> ::core::result::Result<$name, A::Error> {
                        use ::serde::de::Error as _;
                        let record = $name {
                            $($first: fields
                                .next_element()?
                                .ok_or_else(|| A::Error::missing_field(stringify!($first)))?,)+
                            $($($later: fields.next_element()?.unwrap_or_default(),)+)?
                        };
                        match fields.size_hint() {
                            None | Some(0) => Ok(record),
                            Some(_) => Err(A::Error::custom(concat!(
                                "`",
                                stringify!($name),
                                "` has fields that this version does not know: a newer one wrote it",
                            ))),
                        }
                    }
                }

                deserializer.deserialize_seq(Fields)
            }
        }
    };
}
