//! What the chip can measure by itself: its temperature and its supply.

use crate::Irqs;
use embassy_nrf::Peri;
use embassy_nrf::peripherals;
use embassy_nrf::saadc::{ChannelConfig, Config, Saadc, VddInput};
use embassy_nrf::temp::Temp;
use node_app::sensor::Sample;

/// What the greatest of 12 bits stands for: 0.6 V, divided by the gain of 1/6.
const FULL_SCALE_MV: i32 = 3_600;

pub(crate) struct Sensors {
    temp: Temp<'static>,
    saadc: Peri<'static, peripherals::SAADC>,
}

impl Sensors {
    pub(crate) fn new(temp: Peri<'static, peripherals::TEMP>, saadc: Peri<'static, peripherals::SAADC>) -> Self {
        Self { temp: Temp::new(temp, Irqs), saadc }
    }

    /// Takes a tenth of a millisecond. In between, nothing of it is switched on.
    pub(crate) async fn sample(&mut self) -> Sample {
        // Quarters of a degree.
        let quarters = self.temp.read().await.to_bits();
        let mut values = [0];
        let channel = ChannelConfig::single_ended(VddInput);
        Saadc::new(self.saadc.reborrow(), Irqs, Config::default(), [channel]).sample(&mut values).await;
        let supply_mv = (i32::from(values[0]).max(0) * FULL_SCALE_MV) >> 12;
        // Both are far within what the types hold.
        Sample { centidegrees: (quarters * 25) as i16, supply_mv: supply_mv as u16 }
    }
}
