import Base

/// RFC 3339 in UTC with milliseconds, for log lines: `2026-07-28T12:34:56.789Z`.
enum Timestamp {
    /// A clock before 1970 is shown as 1970.
    static func append(nanosecondsSince1970: Int64, to output: inout [UInt8]) {
        let time = Swift.max(0, nanosecondsSince1970)
        let seconds = time / 1_000_000_000
        let date = CivilDate(daysSince1970: seconds / 86_400)
        Self.append(date.year, digits: 4, to: &output)
        output.append(0x2D)
        Self.append(date.month, digits: 2, to: &output)
        output.append(0x2D)
        Self.append(date.day, digits: 2, to: &output)
        output.append(0x54)
        Self.append(seconds / 3_600 % 24, digits: 2, to: &output)
        output.append(0x3A)
        Self.append(seconds / 60 % 60, digits: 2, to: &output)
        output.append(0x3A)
        Self.append(seconds % 60, digits: 2, to: &output)
        output.append(0x2E)
        Self.append(time / 1_000_000 % 1_000, digits: 3, to: &output)
        output.append(0x5A)
    }

    private static func append(_ value: Int64, digits: Int, to output: inout [UInt8]) {
        var divisor: Int64 = 1
        for _ in 1..<digits { divisor *= 10 }
        for _ in 0..<digits {
            output.append(UInt8(truncatingIfNeeded: value / divisor % 10) + 0x30)
            divisor /= 10
        }
    }
}
