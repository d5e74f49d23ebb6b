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
        guard hour < 24, minute < 60, second < 60, let date = CivilDate(year: year, month: month, day: day) else { return nil }
        return date.daysSince1970 * 86_400 + hour * 3_600 + minute * 60 + second
    }

    /// The text of seconds since 1970. Times outside of the years 1 to 9999 are shown as the nearest of them.
    public static func text(_ seconds: Int64) -> String {
        var text: [UInt8] = []
        CivilTime(secondsSince1970: seconds).append(to: &text)
        return String(decoding: text, as: UTF8.self) + "Z"
    }

    private static func digits(_ bytes: ArraySlice<UInt8>) -> Int64? {
        var value: Int64 = 0
        for byte in bytes {
            guard ASCII.isDigit(byte) else { return nil }
            value = value * 10 + Int64(byte - 0x30)
        }
        return value
    }
}
