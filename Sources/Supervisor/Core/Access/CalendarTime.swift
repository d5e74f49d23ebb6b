import Base

/// Points of calendar time as people write them in a key file: RFC 3339, UTC, whole seconds, `2026-11-20T10:00:00Z`.
public enum CalendarTime {
    /// Seconds since 1970, or nil for any other spelling and for dates that do not exist.
    public static func parse(_ text: String) -> Int64? {
        let bytes = [UInt8](text.utf8)
        guard bytes.count == 20, bytes[4] == 0x2D, bytes[7] == 0x2D, bytes[10] == 0x54, bytes[13] == 0x3A, bytes[16] == 0x3A,
            bytes[19] == 0x5A, let year = Self.digits(bytes[0..<4]), let month = Self.digits(bytes[5..<7]),
            let day = Self.digits(bytes[8..<10]), let hour = Self.digits(bytes[11..<13]),
            let minute = Self.digits(bytes[14..<16]), let second = Self.digits(bytes[17..<19])
        else { return nil }
        guard (1...12).contains(month), day >= 1, day <= Self.days(in: month, of: year), hour < 24, minute < 60, second < 60
        else {
            return nil
        }
        return Self.dayNumber(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second
    }

    /// The text of seconds since 1970, from year 0 to 9999.
    public static func text(_ seconds: Int64) -> String {
        let day = seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400
        let second = seconds - day * 86_400
        let (year, month, date) = Self.date(ofDay: day)
        return "\(Self.padded(year, 4))-\(Self.padded(month, 2))-\(Self.padded(date, 2))"
            + "T\(Self.padded(second / 3_600, 2)):\(Self.padded(second / 60 % 60, 2)):\(Self.padded(second % 60, 2))Z"
    }

    private static func digits(_ bytes: ArraySlice<UInt8>) -> Int64? {
        var value: Int64 = 0
        for byte in bytes {
            guard ASCII.isDigit(byte) else { return nil }
            value = value * 10 + Int64(byte - 0x30)
        }
        return value
    }

    private static func padded(_ value: Int64, _ width: Int) -> String {
        let text = String(value)
        return String(repeating: "0", count: Swift.max(0, width - text.utf8.count)) + text
    }

    private static func days(in month: Int64, of year: Int64) -> Int64 {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Days since 1970-01-01. Years are counted from March, so that the leap day is the last of its year.
    private static func dayNumber(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let monthFromMarch = (month + 9) % 12
        let dayOfYear = (153 * monthFromMarch + 2) / 5 + day - 1
        return 365 * shifted + Self.floor(shifted, 4) - Self.floor(shifted, 100) + Self.floor(shifted, 400) + dayOfYear - 719_468
    }

    private static func floor(_ value: Int64, _ divisor: Int64) -> Int64 {
        value >= 0 ? value / divisor : (value - divisor + 1) / divisor
    }

    private static func date(ofDay day: Int64) -> (year: Int64, month: Int64, day: Int64) {
        // A guess that is never too late, put right by looking.
        var year = 1970 + (day >= 0 ? day / 366 : Self.floor(day, 365))
        while Self.dayNumber(year + 1, 1, 1) <= day { year += 1 }  // Bound: one year for every 366 between 1970 and the day.
        var month: Int64 = 1
        while month < 12, Self.dayNumber(year, month + 1, 1) <= day { month += 1 }
        return (year, month, day - Self.dayNumber(year, month, 1) + 1)
    }
}
