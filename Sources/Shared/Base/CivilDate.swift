/// A day of the proleptic Gregorian calendar, and the only place that knows it: log lines, HTTP dates and key files all ask here.
///
/// Years are counted from 1 March inside, so that the leap day comes last, in cycles of 400 years.
public struct CivilDate: Equatable, Sendable {
    public let year: Int64
    /// 1 to 12.
    public let month: Int64
    public let day: Int64

    /// `days` must not be before year 0.
    public init(daysSince1970 days: Int64) {
        let shifted = days + 719_468
        precondition(shifted >= 0, "a day before year 0")
        let cycle = shifted / 146_097
        let dayOfCycle = shifted % 146_097
        let yearOfCycle = (dayOfCycle - dayOfCycle / 1_460 + dayOfCycle / 36_524 - dayOfCycle / 146_096) / 365
        let dayOfYear = dayOfCycle - (365 * yearOfCycle + yearOfCycle / 4 - yearOfCycle / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        self.day = dayOfYear - (153 * marchMonth + 2) / 5 + 1
        self.month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        self.year = yearOfCycle + cycle * 400 + (self.month <= 2 ? 1 : 0)
    }

    /// Nil for a date that does not exist, and outside of the years 1 to 9999.
    public init?(year: Int64, month: Int64, day: Int64) {
        guard (1...9_999).contains(year), (1...12).contains(month), day >= 1, day <= Self.days(in: month, of: year) else {
            return nil
        }
        self.year = year
        self.month = month
        self.day = day
    }

    public var daysSince1970: Int64 {
        let year = self.month <= 2 ? self.year - 1 : self.year
        let marchMonth = (self.month + 9) % 12
        let dayOfYear = (153 * marchMonth + 2) / 5 + self.day - 1
        return 365 * year + year / 4 - year / 100 + year / 400 + dayOfYear - 719_468
    }

    private static func days(in month: Int64, of year: Int64) -> Int64 {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }
}

/// A second of calendar time in UTC, as RFC 3339 writes it: `2026-11-20T10:00:00`, the zone and fractions left to the caller.
public struct CivilTime: Equatable, Sendable {
    public let date: CivilDate
    public let hour: Int64
    public let minute: Int64
    public let second: Int64

    /// Times outside of the years 1 to 9999 become the nearest of them: each has its text of one length.
    public init(secondsSince1970 seconds: Int64) {
        let clamped = Swift.min(Swift.max(seconds, -62_135_596_800), 253_402_300_799)
        let day = clamped >= 0 ? clamped / 86_400 : (clamped - 86_399) / 86_400
        let secondOfDay = clamped - day * 86_400
        self.date = CivilDate(daysSince1970: day)
        self.hour = secondOfDay / 3_600
        self.minute = secondOfDay / 60 % 60
        self.second = secondOfDay % 60
    }

    /// Appends `2026-11-20T10:00:00`.
    public func append(to output: inout [UInt8]) {
        Self.append(self.date.year, digits: 4, to: &output)
        output.append(0x2D)
        Self.append(self.date.month, digits: 2, to: &output)
        output.append(0x2D)
        Self.append(self.date.day, digits: 2, to: &output)
        output.append(0x54)
        Self.append(self.hour, digits: 2, to: &output)
        output.append(0x3A)
        Self.append(self.minute, digits: 2, to: &output)
        output.append(0x3A)
        Self.append(self.second, digits: 2, to: &output)
    }

    /// Appends a number that is not negative with leading zeros. It must have no more digits than that.
    public static func append(_ value: Int64, digits: Int, to output: inout [UInt8]) {
        var divisor: Int64 = 1
        for _ in 1..<digits { divisor *= 10 }
        for _ in 0..<digits {
            output.append(UInt8(truncatingIfNeeded: value / divisor % 10) + 0x30)
            divisor /= 10
        }
    }
}
