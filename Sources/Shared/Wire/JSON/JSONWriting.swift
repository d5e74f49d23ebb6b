public import Base

extension Array where Element == UInt8 {
    /// Appends `text` as a JSON string with its quotes. Escapes what RFC 8259 7 demands and U+2028, U+2029, so that the result
    /// never breaks a line. Each byte that is not part of well-formed UTF-8 becomes U+FFFD.
    public mutating func appendJSON(string text: Span<UInt8>) {
        self.append(0x22)
        var offset = 0
        var copied = 0
        // Bound: every round passes at least one byte.
        while offset < text.count {
            if text.count - offset >= ByteWord.size {
                let stops = ByteWord.stringStops(ByteWord.load(text, at: offset))
                guard stops != 0 else {
                    offset += ByteWord.size
                    continue
                }
                offset += ByteWord.firstIndex(stops)
            }
            let length = Self.escapedLength(text, at: offset)
            guard length > 0 else {
                offset += Swift.max(1, UTF8Sequence.length(text, at: offset, end: text.count))
                continue
            }
            self.append(text, ByteRange(copied, offset))
            self.appendEscape(text, at: offset, length: length)
            offset += length
            copied = offset
        }
        self.append(text, ByteRange(copied, text.count))
        self.append(0x22)
    }

    /// Bytes at `offset` that must be replaced together, or 0 when what stands there may stay.
    private static func escapedLength(_ text: Span<UInt8>, at offset: Int) -> Int {
        let byte = text[offset]
        if byte < 0x80 { return byte < 0x20 || byte == 0x22 || byte == 0x5C ? 1 : 0 }
        if UTF8Sequence.length(text, at: offset, end: text.count) == 0 { return 1 }
        return UTF8Sequence.isLineSeparator(text, at: offset, end: text.count) ? 3 : 0
    }

    public mutating func appendJSON(string text: String) {
        var text = text
        text.makeContiguousUTF8()
        self.appendJSON(string: text.utf8.span)
    }

    public mutating func appendJSON(string text: StaticString) {
        unsafe self.appendJSON(string: Span(_unsafeStart: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Appends the escape of the character of `length` bytes at `offset`; a length of 1 of a non-ASCII byte means malformed.
    private mutating func appendEscape(_ text: Span<UInt8>, at offset: Int, length: Int) {
        if length == 3 {
            // U+2028 is E2 80 A8, U+2029 is E2 80 A9.
            return self.append(text[offset + 2] == 0xA8 ? "\\u2028" : "\\u2029")
        }
        switch text[offset] {
        case 0x22: self.append("\\\"")
        case 0x5C: self.append("\\\\")
        case 0x08: self.append("\\b")
        case 0x09: self.append("\\t")
        case 0x0A: self.append("\\n")
        case 0x0C: self.append("\\f")
        case 0x0D: self.append("\\r")
        case 0x80...: UTF8Sequence.append(UTF8Sequence.replacement, to: &self)
        case let control:
            self.append("\\u00")
            self.append(ASCII.hexDigit(control >> 4))
            self.append(ASCII.hexDigit(control & 0x0F))
        }
    }

    /// Appends validated JSON so that it stays on one line: a raw LF or CR, which can only stand between tokens, becomes a
    /// space; a raw U+2028 or U+2029, which can only stand inside a string, becomes its escape.
    public mutating func appendLine(_ bytes: Span<UInt8>, _ range: ByteRange) {
        var offset = range.lowerBound
        let end = range.upperBound
        var copied = offset
        // Bound: every round passes at least one byte.
        while offset < end {
            if end - offset >= ByteWord.size {
                let word = ByteWord.load(bytes, at: offset)
                let stops = ByteWord.matches(word, 0x0A) | ByteWord.matches(word, 0x0D) | ByteWord.matches(word, 0xE2)
                guard stops != 0 else {
                    offset += ByteWord.size
                    continue
                }
                offset += ByteWord.firstIndex(stops)
            }
            let byte = bytes[offset]
            if byte == 0x0A || byte == 0x0D {
                self.append(bytes, ByteRange(copied, offset))
                self.append(0x20)
                offset += 1
                copied = offset
            } else if byte == 0xE2, UTF8Sequence.isLineSeparator(bytes, at: offset, end: end) {
                self.append(bytes, ByteRange(copied, offset))
                self.append(bytes[offset + 2] == 0xA8 ? "\\u2028" : "\\u2029")
                offset += 3
                copied = offset
            } else {
                offset += 1
            }
        }
        self.append(bytes, ByteRange(copied, end))
    }
}
