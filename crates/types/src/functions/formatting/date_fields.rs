//! The moment that the fields of a date template make together.

use crate::forms::datetime::calendar::{
    EPOCH_JULIAN_DAY, Moment, date_of_julian_day, days_in_month, is_leap, iso_year_start, julian_day,
};
use mainstay_base::{Problem, Result};

/// The values of the fields as they stand in the text.
#[derive(Default)]
pub(super) struct Fields {
    pub year: Option<i32>,
    pub year_digits: u8,
    pub iso: bool,
    pub bc: bool,
    pub century: Option<i32>,
    pub month: Option<i32>,
    pub day: Option<i32>,
    pub day_of_year: Option<i32>,
    pub weekday: Option<i32>,
    pub week_of_year: Option<i32>,
    pub week_of_month: Option<i32>,
    pub julian: Option<i32>,
    pub hour: Option<i32>,
    pub hour_is_12: bool,
    pub pm: Option<bool>,
    pub minute: Option<i32>,
    pub second: Option<i32>,
    pub second_of_day: Option<i32>,
    pub millis: Option<i32>,
    pub micros: Option<i32>,
    pub zone_negative: bool,
    pub zone_hour: Option<i32>,
    pub zone_minute: Option<i32>,
}

impl Fields {
    pub fn moment(&mut self, text: &str) -> Result<Moment> {
        let overflow = || Problem::new("22008", format!("date/time field value out of range: \"{text}\""));
        let mut moment = Moment { year: self.full_year(), month: 1, day: 1, ..Moment::default() };
        self.date(&mut moment)?;
        let hour = self.hour_of_day()?;
        moment.hour = hour;
        moment.minute = self.minute.unwrap_or(0);
        moment.second = self.second.unwrap_or(0);
        if let Some(seconds) = self.second_of_day {
            (moment.hour, moment.minute, moment.second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        }
        let millis = self.millis.unwrap_or(0).saturating_mul(1000);
        moment.micros = self.micros.unwrap_or(0).saturating_add(millis);
        let fits = (1..=12).contains(&moment.month)
            && (1..=days_in_month(moment.year, moment.month)).contains(&moment.day)
            && (0..24).contains(&moment.hour)
            && (0..60).contains(&moment.minute)
            && (0..60).contains(&moment.second)
            && (0..1_000_000).contains(&moment.micros);
        if fits { Ok(moment) } else { Err(overflow()) }
    }

    /// The astronomical year: 1 BC is 0. Without a year it is 0 too.
    fn full_year(&self) -> i32 {
        match (self.year, self.century) {
            (Some(year), Some(century)) if self.year_digits <= 2 => {
                // The century's number counts, the year's last two digits stay.
                let year = year.rem_euclid(100);
                let base = (century - 1).saturating_mul(100);
                if year == 0 { base + 100 } else { base + year }
            }
            // Zero and negative years are BC; a BC of them is AD again.
            (Some(year), _) if self.bc && year > 0 => 1 - year,
            (Some(year), _) if self.bc => -year,
            (Some(year), _) if year < 0 => year + 1,
            (Some(year), _) => year,
            (None, Some(century)) if self.bc => 1 - (century * 100),
            (None, Some(century)) => (century - 1).saturating_mul(100) + 1,
            (None, None) => 0,
        }
    }

    fn date(&mut self, moment: &mut Moment) -> Result<()> {
        let place = |moment: &mut Moment, julian: i32| {
            (moment.year, moment.month, moment.day) = date_of_julian_day(julian.max(0));
        };
        if let Some(julian) = self.julian {
            place(moment, julian);
            return Ok(());
        }
        if let Some(week) = self.week_of_year {
            if self.iso {
                // The day is the Monday of the week, or the weekday that was read.
                let weekday = self.weekday.map_or(0, |weekday| (weekday + 5) % 7);
                let days = week.saturating_sub(1).saturating_mul(7).saturating_add(weekday);
                place(moment, iso_year_start(moment.year).saturating_add(days));
                return Ok(());
            }
            self.day_of_year = Some(week.saturating_sub(1).saturating_mul(7).saturating_add(1));
        }
        if let Some(week) = self.week_of_month {
            self.day = Some(week.saturating_sub(1).saturating_mul(7).saturating_add(1));
        }
        // Zero says nothing.
        for field in [&mut self.month, &mut self.day, &mut self.day_of_year] {
            *field = field.filter(|number| *number != 0);
        }
        if let Some(month) = self.month {
            moment.month = month;
        }
        if let Some(day) = self.day {
            moment.day = day;
        }
        if let Some(day) = self.day_of_year
            && (self.month.is_none() || self.day.is_none())
        {
            if self.year.is_none() {
                return Err(Problem::new("22007", "cannot calculate day of year without year information"));
            }
            let first = if self.iso { iso_year_start(moment.year) } else { julian_day(moment.year, 1, 1) };
            let length = if self.iso { 371 } else { 365 + i32::from(is_leap(moment.year)) };
            if !(1..=length).contains(&day) {
                moment.day = 0;
                return Ok(());
            }
            place(moment, (first + day - 1).clamp(0, i32::MAX - EPOCH_JULIAN_DAY));
        }
        Ok(())
    }

    fn hour_of_day(&self) -> Result<i32> {
        let Some(hour) = self.hour else { return Ok(0) };
        if !self.hour_is_12 {
            return Ok(hour);
        }
        if !(1..=12).contains(&hour) {
            return Err(Problem::new("22007", format!("hour \"{hour}\" is invalid for the 12-hour clock"))
                .with_hint("Use the 24-hour clock, or give an hour between 1 and 12."));
        }
        Ok(match self.pm {
            Some(true) if hour < 12 => hour + 12,
            Some(true) => hour,
            _ if hour == 12 => 0,
            _ => hour,
        })
    }

    /// Seconds east of UTC, where the text has a zone.
    pub fn zone(&self, text: &str) -> Result<Option<i32>> {
        if self.zone_hour.is_none() && self.zone_minute.is_none() {
            return Ok(None);
        }
        let (hour, minute) = (self.zone_hour.unwrap_or(0), self.zone_minute.unwrap_or(0));
        if !(0..=15).contains(&hour) || !(0..60).contains(&minute) {
            return Err(Problem::new("22008", format!("date/time field value out of range: \"{text}\"")));
        }
        let size = hour * 3600 + minute * 60;
        Ok(Some(if self.zone_negative { -size } else { size }))
    }
}
