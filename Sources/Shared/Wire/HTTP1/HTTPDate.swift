import Base

/// IMF-fixdate (RFC 9110 5.6.7): `Sun, 06 Nov 1994 08:49:37 GMT`.
public enum HTTPDate {
    /// Every date has this many bytes.
    public static let byteCount = 29

    /// Appends the date of `seconds` since 1970-01-01 UTC. Times outside the years 1970 to 9999 are shown as the nearest of them.
    public static func append(unixSeconds seconds: Int64, to output: inout [UInt8]) {
        let clamped = Swift.min(Swift.max(seconds, 0), 253_402_300_799)
        let days = clamped / 86_400
        let second = clamped % 86_400
        let date = CivilDate(daysSince1970: days)
        output.append(Self.weekdays[Int(days % 7)])
        output.append(", ")
        Self.appendTwo(date.day, to: &output)
        output.append(HTTPByte.space)
        output.append(Self.months[Int(date.month) - 1])
        output.append(HTTPByte.space)
        Self.appendTwo(date.year / 100, to: &output)
        Self.appendTwo(date.year % 100, to: &output)
        output.append(HTTPByte.space)
        Self.appendTwo(second / 3_600, to: &output)
        output.append(HTTPByte.colon)
        Self.appendTwo(second / 60 % 60, to: &output)
        output.append(HTTPByte.colon)
        Self.appendTwo(second % 60, to: &output)
        output.append(" GMT")
    }

    /// 1970-01-01 was a Thursday.
    private static let weekdays: [StaticString] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    private static let months: [StaticString] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    private static func appendTwo(_ value: Int64, to output: inout [UInt8]) {
        output.append(UInt8(truncatingIfNeeded: value / 10) + 0x30)
        output.append(UInt8(truncatingIfNeeded: value % 10) + 0x30)
    }
}
