/// Well-formed UTF-8 sequences (RFC 3629 4).
enum UTF8Sequence {
    /// Bytes of the well-formed sequence at `offset`, or 0: overlong forms, surrogates, values above U+10FFFF, stray continuation
    /// bytes and sequences cut by `end` are not well-formed. `offset < end <= bytes.count`.
    static func length(_ bytes: Span<UInt8>, at offset: Int, end: Int) -> Int {
        let first = bytes[offset]
        if first < 0x80 { return 1 }
        let count: Int
        // The range of the second byte excludes what is overlong, a surrogate or too large.
        let second: ClosedRange<UInt8>
        switch first {
        case 0xC2...0xDF: (count, second) = (2, 0x80...0xBF)
        case 0xE0: (count, second) = (3, 0xA0...0xBF)
        case 0xE1...0xEC, 0xEE, 0xEF: (count, second) = (3, 0x80...0xBF)
        case 0xED: (count, second) = (3, 0x80...0x9F)
        case 0xF0: (count, second) = (4, 0x90...0xBF)
        case 0xF1...0xF3: (count, second) = (4, 0x80...0xBF)
        case 0xF4: (count, second) = (4, 0x80...0x8F)
        default: return 0
        }
        guard end - offset >= count, second.contains(bytes[offset + 1]) else { return 0 }
        if count > 2, bytes[offset + 2] & 0xC0 != 0x80 { return 0 }
        if count > 3, bytes[offset + 3] & 0xC0 != 0x80 { return 0 }
        return count
    }

    /// True for U+2028 and U+2029, which some readers of lines take for line ends. `offset < end <= bytes.count`.
    @inline(__always)
    static func isLineSeparator(_ bytes: Span<UInt8>, at offset: Int, end: Int) -> Bool {
        end - offset >= 3 && bytes[offset] == 0xE2 && bytes[offset + 1] == 0x80 && bytes[offset + 2] & 0xFE == 0xA8
    }

    /// Appends the encoding of `scalar`, which must not be a surrogate and not be above U+10FFFF.
    static func append(_ scalar: UInt32, to output: inout [UInt8]) {
        @inline(__always) func byte(_ prefix: UInt32, _ shift: UInt32, _ mask: UInt32) -> UInt8 {
            UInt8(truncatingIfNeeded: prefix | (scalar >> shift) & mask)
        }
        switch scalar {
        case 0..<0x80:
            output.append(byte(0, 0, 0x7F))
        case 0x80..<0x800:
            output.append(byte(0xC0, 6, 0x1F))
            output.append(byte(0x80, 0, 0x3F))
        case 0x800..<0x1_0000:
            output.append(byte(0xE0, 12, 0x0F))
            output.append(byte(0x80, 6, 0x3F))
            output.append(byte(0x80, 0, 0x3F))
        default:
            output.append(byte(0xF0, 18, 0x07))
            output.append(byte(0x80, 12, 0x3F))
            output.append(byte(0x80, 6, 0x3F))
            output.append(byte(0x80, 0, 0x3F))
        }
    }

    /// U+FFFD, what stands for bytes that are no text.
    static let replacement: UInt32 = 0xFFFD
}
