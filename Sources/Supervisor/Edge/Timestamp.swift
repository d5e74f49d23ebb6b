import Base

/// RFC 3339 in UTC with milliseconds, for log lines: `2026-07-28T12:34:56.789Z`.
enum Timestamp {
    /// A clock before 1970 is shown as 1970.
    static func append(nanosecondsSince1970: Int64, to output: inout [UInt8]) {
        let time = Swift.max(0, nanosecondsSince1970)
        CivilTime(secondsSince1970: time / 1_000_000_000).append(to: &output)
        output.append(0x2E)
        CivilTime.append(time / 1_000_000 % 1_000, digits: 3, to: &output)
        output.append(0x5A)
    }
}
