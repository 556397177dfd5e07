//! For whom something waits at the host: two lists, of short and of extended addresses.

use crate::header::Address;
use heapless::Vec;
use spinel::Eui64;

/// For whom something waits at the host, up to `N` short and `N` extended addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pending<const N: usize> {
    /// The lists count. Otherwise something may wait for anybody.
    pub(crate) is_enabled: bool,
    pub(crate) short: List<u16, N>,
    pub(crate) extended: List<Eui64, N>,
}

impl<const N: usize> Pending<N> {
    /// Nothing waits for anybody. [`Pending::default`] is how a device starts: something may wait for all.
    #[must_use]
    pub fn nobody() -> Self {
        Self { is_enabled: true, ..Self::default() }
    }

    /// Something waits for this station.
    ///
    /// # Errors
    /// [`Full`]: the list has no room.
    pub fn insert(&mut self, station: Address) -> Result<(), Full> {
        match station {
            Address::Short(short) => self.short.insert(short),
            Address::Extended(extended) => self.extended.insert(extended),
        }
    }

    /// Whether the acknowledgement of this station's data request has to say that something waits.
    #[must_use]
    pub fn is_for(&self, from: Address) -> bool {
        !self.is_enabled
            || match from {
                Address::Short(short) => self.short.0.contains(&short),
                Address::Extended(extended) => self.extended.0.contains(&extended),
            }
    }
}

/// There is no room for another address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// Some of a kind of addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct List<A, const N: usize>(Vec<A, N>);

impl<A, const N: usize> Default for List<A, N> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<A: PartialEq, const N: usize> List<A, N> {
    /// A host repeats what was not answered, so an address may be there already.
    pub(crate) fn insert(&mut self, address: A) -> Result<(), Full> {
        if self.0.contains(&address) { Ok(()) } else { self.0.push(address).map_err(|_| Full) }
    }

    pub(crate) fn remove(&mut self, address: &A) {
        self.0.retain(|known| known != address);
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}
