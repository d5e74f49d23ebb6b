import Base

/// IMF-fixdate (RFC 9110 5.6.7): `Sun, 06 Nov 1994 08:49:37 GMT`.
public enum HTTPDate {
    /// Every date has this many bytes.
    public static let byteCount = 29

    /// Appends the date of `seconds` since 1970-01-01 UTC. Times outside the years 1970 to 9999 are shown as the nearest of them.
    public static func append(unixSeconds seconds: Int64, to output: inout [UInt8]) {
        let time = CivilTime(secondsSince1970: Swift.max(seconds, 0))
        output.append(Self.weekdays[Int(time.date.daysSince1970 % 7)])
        output.append(", ")
        CivilTime.append(time.date.day, digits: 2, to: &output)
        output.append(HTTPByte.space)
        output.append(Self.months[Int(time.date.month) - 1])
        output.append(HTTPByte.space)
        CivilTime.append(time.date.year, digits: 4, to: &output)
        output.append(HTTPByte.space)
        CivilTime.append(time.hour, digits: 2, to: &output)
        output.append(HTTPByte.colon)
        CivilTime.append(time.minute, digits: 2, to: &output)
        output.append(HTTPByte.colon)
        CivilTime.append(time.second, digits: 2, to: &output)
        output.append(" GMT")
    }

    /// 1970-01-01 was a Thursday.
    private static let weekdays: [StaticString] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    private static let months: [StaticString] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]
}
