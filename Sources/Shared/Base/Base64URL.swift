/// Base64 for URLs and JSON strings without padding (RFC 4648 5), as tokens and sealed states use it.
public enum Base64URL {
    /// Appends the text of `bytes`.
    public static func append(_ bytes: Span<UInt8>, to output: inout [UInt8]) {
        output.reserveCapacity(output.count + bytes.count / 3 * 4 + 4)
        var index = 0
        while index < bytes.count {  // Bound: three bytes a round.
            let count = Swift.min(3, bytes.count - index)
            var bits: UInt32 = 0
            for offset in 0..<3 { bits = bits << 8 | (offset < count ? UInt32(bytes[index + offset]) : 0) }
            for offset in 0...count { output.append(Self.digit(UInt8(truncatingIfNeeded: bits >> UInt32(18 - 6 * offset)) & 63)) }
            index += count
        }
    }

    /// The bytes of a text, or nil: no padding, nothing foreign, no length that cannot be, and unused bits zero, so that no two
    /// texts stand for the same bytes.
    public static func decode(_ text: Span<UInt8>) -> [UInt8]? {
        guard text.count % 4 != 1 else { return nil }
        var output: [UInt8] = []
        output.reserveCapacity(text.count / 4 * 3 + 2)
        var bits: UInt32 = 0
        var pending: UInt32 = 0
        for index in text.indices {
            guard let value = Self.value(text[index]) else { return nil }
            bits = bits << 6 | UInt32(value)
            pending += 6
            guard pending >= 8 else { continue }
            pending -= 8
            output.append(UInt8(truncatingIfNeeded: bits >> pending))
            bits &= (1 << pending) - 1
        }
        return bits == 0 ? output : nil
    }

    private static func digit(_ value: UInt8) -> UInt8 {
        switch value {
        case 0..<26: 0x41 + value
        case 26..<52: 0x61 + value - 26
        case 52..<62: 0x30 + value - 52
        case 62: 0x2D
        default: 0x5F
        }
    }

    private static func value(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x41...0x5A: byte - 0x41
        case 0x61...0x7A: byte - 0x61 + 26
        case 0x30...0x39: byte - 0x30 + 52
        case 0x2D: 62
        case 0x5F: 63
        default: nil
        }
    }
}
