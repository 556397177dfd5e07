//! The topic name and payload of the request in progress, kept for retransmission.

use crate::RequestError;

/// A topic name followed by a payload, in `N` octets.
pub(crate) struct Body<const N: usize> {
    octets: [u8; N],
    name_len: usize,
    len: usize,
}

impl<const N: usize> Body<N> {
    pub(crate) const EMPTY: Self = Self { octets: [0; N], name_len: 0, len: 0 };

    pub(crate) fn set(&mut self, name: &str, data: &[u8]) -> Result<(), RequestError> {
        let len = name.len() + data.len();
        let (into_name, into_data) = self.octets.get_mut(..len).ok_or(RequestError::TooLong)?.split_at_mut(name.len());
        into_name.copy_from_slice(name.as_bytes());
        into_data.copy_from_slice(data);
        self.name_len = name.len();
        self.len = len;
        Ok(())
    }

    pub(crate) fn name(&self) -> &str {
        self.octets.get(..self.name_len).and_then(|octets| core::str::from_utf8(octets).ok()).unwrap_or_default()
    }

    pub(crate) fn data(&self) -> &[u8] {
        self.octets.get(self.name_len..self.len).unwrap_or_default()
    }
}
