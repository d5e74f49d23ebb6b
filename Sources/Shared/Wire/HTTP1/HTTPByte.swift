/// Byte classes of RFC 9110 and RFC 3986, and scans over them.
enum HTTPByte {
    static let tab: UInt8 = 0x09
    static let lineFeed: UInt8 = 0x0A
    static let carriageReturn: UInt8 = 0x0D
    static let space: UInt8 = 0x20
    static let colon: UInt8 = 0x3A

    /// The high bit of each byte of a word.
    static let highBits: UInt64 = 0x8080_8080_8080_8080
    /// The case bit of each byte of a word.
    static let caseBits: UInt64 = 0x2020_2020_2020_2020

    /// One bit for each of the 128 ASCII bytes.
    struct Class: Sendable {
        let low: UInt64
        let high: UInt64

        @inline(__always)
        func contains(_ byte: UInt8) -> Bool {
            let word = byte < 64 ? self.low : self.high
            return byte < 128 && word & (1 << UInt64(byte & 63)) != 0
        }

        /// For the tests, which compare each class with the grammar it stands for.
        init(low: UInt64, high: UInt64) {
            self.low = low
            self.high = high
        }
    }

    /// `tchar` of RFC 9110 5.6.2: letters, digits and ``!#$%&'*+-.^_`|~``.
    @inline(__always)
    static var token: Class { Class(low: 0x03FF_6CFA_0000_0000, high: 0x57FF_FFFF_C7FF_FFFE) }

    /// `pchar` of RFC 3986 3.3 without `%`: letters, digits and `-._~!$&'()*+,;=:@`.
    @inline(__always)
    static var pathCharacter: Class { Class(low: 0x2FFF_7FD2_0000_0000, high: 0x47FF_FFFE_87FF_FFFF) }

    /// `reg-name` of RFC 3986 3.2.2 without `%` and without the comma, which would make one field look like a list of two.
    @inline(__always)
    static var hostCharacter: Class { Class(low: 0x2BFF_6FD2_0000_0000, high: 0x47FF_FFFE_87FF_FFFE) }

    /// Whether all of `range` are token bytes. True for an empty range.
    static func allTokens(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
        var index = range.lowerBound
        while index &+ 8 <= range.upperBound, Self.areNameBytes(bytes.word(at: index)) { index &+= 8 }
        // The rest of a long name is looked at together with bytes that passed already.
        if range.count >= 8, range.upperBound &- index < 8, Self.areNameBytes(bytes.word(at: range.upperBound &- 8)) {
            return true
        }
        while index < range.upperBound {
            guard self.token.contains(bytes[index]) else { return false }
            index &+= 1
        }
        return true
    }

    /// Whether all eight bytes are letters, digits, hyphens or dots, as in most names of fields and hosts. After the first test
    /// no byte has its high bit set, so no sum carries into the next byte, and the high bit of a sum tells whether its byte is at
    /// least 0x80 minus what was added.
    @inline(__always)
    static func areNameBytes(_ word: UInt64) -> Bool {
        guard word & Self.highBits == 0 else { return false }
        let folded = word | Self.caseBits
        let letters = (folded &+ 0x1F1F_1F1F_1F1F_1F1F) & ~(folded &+ 0x0505_0505_0505_0505)
        let digits = (word &+ 0x5050_5050_5050_5050) & ~(word &+ 0x4646_4646_4646_4646)
        let marks = (word &+ 0x5353_5353_5353_5353) & ~(word &+ 0x5151_5151_5151_5151)
        return (letters | digits | marks) & Self.highBits == Self.highBits
    }

    /// The first offset in `start..<end` of a control byte (below 0x20, or DEL), or `end`. Everything passed over, and up to
    /// fifteen bytes more, is OR-ed into `seen`, so that the caller knows cheaply whether all of it was ASCII.
    @inline(__always)
    static func firstControl(_ bytes: Span<UInt8>, from start: Int, to end: Int, seen: inout UInt64) -> Int {
        var index = start
        if index &+ 16 <= end {
            var passed = SIMD16<UInt8>()
            var found = end
            repeat {
                let vector = bytes.vector(at: index)
                passed = passed | vector
                if let lane = Self.firstLane((vector .< SIMD16(repeating: 0x20)) .| (vector .== SIMD16(repeating: 0x7F))) {
                    found = index &+ lane
                    break
                }
                index &+= 16
            } while index &+ 16 <= end
            // Two views of the same 16 bytes, of which every pattern is a value.
            let halves = unsafe unsafeBitCast(passed, to: SIMD2<UInt64>.self)
            seen |= halves[0] | halves[1]
            if found < end { return found }
        }
        while index < end {
            let byte = bytes[index]
            seen |= UInt64(byte)
            if byte < 0x20 || byte == 0x7F { return index }
            index &+= 1
        }
        return end
    }

    /// The first lane that is set, or nil.
    @inline(__always)
    static func firstLane(_ mask: SIMDMask<SIMD16<Int8>>) -> Int? {
        // Two views of the same 16 bytes, of which every pattern is a value.
        let halves = unsafe unsafeBitCast(mask, to: SIMD2<UInt64>.self)
        if halves[0] != 0 { return halves[0].trailingZeroBitCount >> 3 }
        if halves[1] != 0 { return 8 &+ halves[1].trailingZeroBitCount >> 3 }
        return nil
    }
}

extension Span where Element == UInt8 {
    /// The eight bytes at `offset` as a little-endian word. Traps beyond the end, like the subscript.
    @inline(__always)
    func word(at offset: Int) -> UInt64 {
        UInt64(littleEndian: unsafe self.bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    /// The sixteen bytes at `offset`. Traps beyond the end.
    @inline(__always)
    func vector(at offset: Int) -> SIMD16<UInt8> {
        unsafe self.bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: SIMD16<UInt8>.self)
    }

    /// Whether the bytes at `offset` are exactly `text`. There must be that many.
    @inline(__always)
    func matches(_ text: StaticString, at offset: Int) -> Bool {
        let literal = unsafe UnsafeRawPointer(text.utf8Start)
        let count = text.utf8CodeUnitCount
        var index = 0
        while index &+ 8 <= count {
            let expected = UInt64(littleEndian: unsafe literal.loadUnaligned(fromByteOffset: index, as: UInt64.self))
            if self.word(at: offset &+ index) != expected { return false }
            index &+= 8
        }
        while index < count {
            if unsafe self[offset &+ index] != literal.load(fromByteOffset: index, as: UInt8.self) { return false }
            index &+= 1
        }
        return true
    }

    /// Whether the bytes at `offset` are `text` but for the case of letters. `text` may hold lower-case letters, digits, `-`
    /// and other bytes that have the case bit set; the bytes must be free of control bytes. Then setting the case bit of each
    /// byte is an exact fold: nothing but a letter becomes a letter. There must be as many bytes as `text` has.
    @inline(__always)
    func matchesFolded(_ text: StaticString, at offset: Int) -> Bool {
        let literal = unsafe UnsafeRawPointer(text.utf8Start)
        let count = text.utf8CodeUnitCount
        var index = 0
        while index &+ 8 <= count {
            let expected = UInt64(littleEndian: unsafe literal.loadUnaligned(fromByteOffset: index, as: UInt64.self))
            if self.word(at: offset &+ index) | HTTPByte.caseBits != expected { return false }
            index &+= 8
        }
        while index < count {
            if unsafe self[offset &+ index] | 0x20 != literal.load(fromByteOffset: index, as: UInt8.self) { return false }
            index &+= 1
        }
        return true
    }

    /// `range` without the spaces and tabs at both ends (OWS, RFC 9110 5.6.3).
    @inline(__always)
    func trimmed(_ range: Range<Int>) -> Range<Int> {
        var start = range.lowerBound
        var end = range.upperBound
        while start < end, self[start] == HTTPByte.space || self[start] == HTTPByte.tab { start &+= 1 }
        while start < end, self[end &- 1] == HTTPByte.space || self[end &- 1] == HTTPByte.tab { end &-= 1 }
        return start..<end
    }

    /// The first offset of `byte` in `range`, or the end of the range.
    @inline(__always)
    func first(_ byte: UInt8, in range: Range<Int>) -> Int {
        var index = range.lowerBound
        // Also looks behind the range, where there are bytes.
        while index < range.upperBound, index &+ 16 <= self.count {
            if let lane = HTTPByte.firstLane(self.vector(at: index) .== SIMD16(repeating: byte)) {
                return Swift.min(index &+ lane, range.upperBound)
            }
            index &+= 16
        }
        while index < range.upperBound, self[index] != byte { index &+= 1 }
        return Swift.min(index, range.upperBound)
    }
}
