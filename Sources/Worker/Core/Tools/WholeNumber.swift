import Base
import Wire

/// JSON Schema counts a number as an integer by its value, not by how it is written: `1.0` and `1e1` are integers, `1.5` is none.
enum WholeNumber {
    /// Beyond this an exponent is only known to be too large.
    private static let exponentMax = 1_000
    /// An `Int64` has at most 19 digits, so no power of ten beyond this fits.
    private static let scaleMax = 18

    /// The exact value of the JSON number at `range`; nil when it has a fraction or does not fit.
    static func read(_ bytes: Span<UInt8>, _ range: ByteRange) -> Int64? {
        if let value = JSONNumber.int64(bytes, range) { return value }
        var position = range.lowerBound
        let end = range.upperBound
        let isNegative = position < end && bytes[position] == 0x2D
        if isNegative { position += 1 }
        var value: Int64 = 0
        // Zeros count only when a digit other than zero follows: `10.00` is 1 and one power of ten.
        var zeros = 0
        var scale = 0
        var isFraction = false
        while position < end, ASCII.isDigit(bytes[position]) || bytes[position] == 0x2E {  // Bound: the bytes of the number.
            let byte = bytes[position]
            position += 1
            if byte == 0x2E {
                isFraction = true
                continue
            }
            if isFraction { scale -= 1 }
            guard byte != 0x30 else {
                zeros += 1
                continue
            }
            guard let shifted = Self.scaled(value, by: zeros + 1) else { return nil }
            let digit = Int64(byte - 0x30)
            let (sum, overflow) =
                isNegative ? shifted.subtractingReportingOverflow(digit) : shifted.addingReportingOverflow(digit)
            guard !overflow else { return nil }
            value = sum
            zeros = 0
        }
        guard value != 0 else { return 0 }
        scale += zeros + Self.exponent(bytes, from: position, to: end)
        return scale < 0 ? nil : Self.scaled(value, by: scale)
    }

    /// `value` × 10^`power`.
    private static func scaled(_ value: Int64, by power: Int) -> Int64? {
        guard value != 0 else { return 0 }
        guard power <= Self.scaleMax else { return nil }
        var result = value
        for _ in 0..<power {
            let (product, overflow) = result.multipliedReportingOverflow(by: 10)
            guard !overflow else { return nil }
            result = product
        }
        return result
    }

    /// The exponent that starts at `start` with its letter, or 0 without one.
    private static func exponent(_ bytes: Span<UInt8>, from start: Int, to end: Int) -> Int {
        guard start < end else { return 0 }
        var position = start + 1
        let isNegative = position < end && bytes[position] == 0x2D
        if position < end, isNegative || bytes[position] == 0x2B { position += 1 }
        var value = 0
        while position < end, ASCII.isDigit(bytes[position]) {  // Bound: the bytes of the number.
            value = min(value * 10 + Int(bytes[position] - 0x30), Self.exponentMax)
            position += 1
        }
        return isNegative ? -value : value
    }
}
