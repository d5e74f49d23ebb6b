public import Base

/// Reads the figures of the command line. Plain decimal digits and a unit; nothing else is forgiven.
public enum Quantity {
    /// `250ms`, `5s`, `2m`; more than zero.
    public static func interval(_ text: [UInt8]) -> Interval? {
        let (digits, unit) = self.split(text)
        guard let count = self.number(digits), count > 0, count <= 1_000_000_000 else { return nil }
        if unit.span.equals("ms") { return .milliseconds(count) }
        if unit.span.equals("s") { return .seconds(count) }
        if unit.span.equals("m") { return .minutes(count) }
        return nil
    }

    /// `1048576`, `64K`, `64M`, `1G` in units of 1024; more than zero.
    public static func bytes(_ text: [UInt8]) -> Int64? {
        let (digits, unit) = self.split(text)
        guard let count = self.number(digits), count > 0, count <= 1 << 40 else { return nil }
        if unit.isEmpty { return count }
        if unit.span.equals("K") { return count << 10 }
        if unit.span.equals("M") { return count << 20 }
        if unit.span.equals("G") { return count <= 1 << 20 ? count << 30 : nil }
        return nil
    }

    /// An integer from `range`.
    public static func count(_ text: [UInt8], in range: ClosedRange<Int>) -> Int? {
        guard let count = self.number(text), count <= Int64(range.upperBound), range.contains(Int(count)) else { return nil }
        return Int(count)
    }

    private static func split(_ text: [UInt8]) -> (digits: [UInt8], unit: [UInt8]) {
        let digits = text.prefix { ASCII.isDigit($0) }
        return (Array(digits), Array(text.dropFirst(digits.count)))
    }

    private static func number(_ digits: [UInt8]) -> Int64? {
        guard !digits.isEmpty, digits.count <= 15 else { return nil }
        var value: Int64 = 0
        for digit in digits {
            guard ASCII.isDigit(digit) else { return nil }
            value = value * 10 + Int64(digit - 0x30)  // Bound: 15 digits fit.
        }
        return value
    }
}
