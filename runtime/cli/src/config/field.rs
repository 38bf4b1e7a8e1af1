//! What a setting's place in the program takes: the type behind the text.

use abide_server::access::grant::Grant;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// A value of a setting, without its unit: sizes are bytes, lengths of time milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Unset,
    Number(u64),
    Switch(bool),
    Text(String),
    List(Vec<String>),
}

/// A value that its place does not take.
#[derive(Debug, PartialEq, Eq)]
pub struct Unfit;

/// A place in the program that a setting fills.
pub trait Field {
    fn value(&self) -> Value;
    /// Fills the place.
    ///
    /// # Errors
    /// The value is of another type, or out of the type's range.
    fn fill(&mut self, value: Value) -> Result<(), Unfit>;
}

macro_rules! number_fields {
    ($($number:ty),*) => {$(
        impl Field for $number {
            fn value(&self) -> Value {
                Value::Number(u64::try_from(*self).expect("no machine has more than 64 bits"))
            }

            fn fill(&mut self, value: Value) -> Result<(), Unfit> {
                let Value::Number(number) = value else { return Err(Unfit) };
                *self = <$number>::try_from(number).map_err(|_| Unfit)?;
                Ok(())
            }
        }
    )*};
}

number_fields!(u16, u32, u64, usize);

impl Field for bool {
    fn value(&self) -> Value {
        Value::Switch(*self)
    }

    fn fill(&mut self, value: Value) -> Result<(), Unfit> {
        let Value::Switch(switch) = value else { return Err(Unfit) };
        *self = switch;
        Ok(())
    }
}

impl Field for Duration {
    fn value(&self) -> Value {
        Value::Number(u64::try_from(self.as_millis()).unwrap_or(u64::MAX))
    }

    fn fill(&mut self, value: Value) -> Result<(), Unfit> {
        let Value::Number(millis) = value else { return Err(Unfit) };
        *self = Duration::from_millis(millis);
        Ok(())
    }
}

impl Field for String {
    fn value(&self) -> Value {
        Value::Text(self.clone())
    }

    fn fill(&mut self, value: Value) -> Result<(), Unfit> {
        let Value::Text(text) = value else { return Err(Unfit) };
        *self = text;
        Ok(())
    }
}

impl Field for PathBuf {
    fn value(&self) -> Value {
        Value::Text(self.display().to_string())
    }

    fn fill(&mut self, value: Value) -> Result<(), Unfit> {
        let Value::Text(text) = value else { return Err(Unfit) };
        *self = PathBuf::from(text);
        Ok(())
    }
}

impl Field for SocketAddr {
    fn value(&self) -> Value {
        Value::Text(self.to_string())
    }

    fn fill(&mut self, value: Value) -> Result<(), Unfit> {
        let Value::Text(text) = value else { return Err(Unfit) };
        *self = text.parse().map_err(|_| Unfit)?;
        Ok(())
    }
}

impl Field for Vec<String> {
    fn value(&self) -> Value {
        Value::List(self.clone())
    }

    fn fill(&mut self, value: Value) -> Result<(), Unfit> {
        let Value::List(list) = value else { return Err(Unfit) };
        *self = list;
        Ok(())
    }
}

impl Field for Vec<Grant> {
    fn value(&self) -> Value {
        Value::List(self.iter().map(Grant::to_string).collect())
    }

    fn fill(&mut self, value: Value) -> Result<(), Unfit> {
        let Value::List(list) = value else { return Err(Unfit) };
        *self = list.iter().map(|text| text.parse()).collect::<Result<_, _>>().map_err(|_| Unfit)?;
        Ok(())
    }
}

impl<T: Field + Default> Field for Option<T> {
    fn value(&self) -> Value {
        self.as_ref().map_or(Value::Unset, Field::value)
    }

    fn fill(&mut self, value: Value) -> Result<(), Unfit> {
        let mut inner = T::default();
        inner.fill(value)?;
        *self = Some(inner);
        Ok(())
    }
}
