import Testing
import Wire

/// A second, slow and obvious recogniser of RFC 8259, to compare the scanner with. Knows no limits.
private struct ReferenceGrammar {
    private var rest: ArraySlice<UInt8>

    static func accepts(_ bytes: [UInt8]) -> Bool {
        var grammar = ReferenceGrammar(rest: bytes[...])
        grammar.whitespace()
        guard grammar.value() else { return false }
        grammar.whitespace()
        return grammar.rest.isEmpty
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard self.rest.first == byte else { return false }
        self.rest.removeFirst()
        return true
    }

    private mutating func takeOne(of text: String) -> Bool {
        for byte in text.utf8 where self.take(byte) { return true }
        return false
    }

    private mutating func whitespace() { while self.takeOne(of: " \t\r\n") {} }

    private mutating func value() -> Bool {
        switch self.rest.first {
        case UInt8(ascii: "{"): self.container(close: "}") { $0.string() && $0.colon() && $0.value() }
        case UInt8(ascii: "["): self.container(close: "]") { $0.value() }
        case UInt8(ascii: "\""): self.string()
        case UInt8(ascii: "t"): self.literal("true")
        case UInt8(ascii: "f"): self.literal("false")
        case UInt8(ascii: "n"): self.literal("null")
        default: self.number()
        }
    }

    private mutating func literal(_ text: String) -> Bool { text.utf8.allSatisfy { self.take($0) } }

    private mutating func colon() -> Bool {
        self.whitespace()
        guard self.take(UInt8(ascii: ":")) else { return false }
        self.whitespace()
        return true
    }

    private mutating func container(close: UnicodeScalar, _ element: (inout Self) -> Bool) -> Bool {
        self.rest.removeFirst()
        self.whitespace()
        if self.take(UInt8(ascii: close)) { return true }
        while true {
            self.whitespace()
            guard element(&self) else { return false }
            self.whitespace()
            if self.take(UInt8(ascii: close)) { return true }
            guard self.take(UInt8(ascii: ",")) else { return false }
        }
    }

    private mutating func digits() -> Bool {
        guard self.takeOne(of: "0123456789") else { return false }
        while self.takeOne(of: "0123456789") {}
        return true
    }

    private mutating func number() -> Bool {
        _ = self.take(UInt8(ascii: "-"))
        if !self.take(UInt8(ascii: "0")), !self.digits() { return false }
        if self.take(UInt8(ascii: ".")), !self.digits() { return false }
        if self.takeOne(of: "eE") {
            _ = self.takeOne(of: "+-")
            return self.digits()
        }
        return true
    }

    private mutating func string() -> Bool {
        guard self.take(UInt8(ascii: "\"")) else { return false }
        var units: [UInt16?] = []  // Code units of escapes; nil for everything else.
        var raw: [UInt8] = []
        while let byte = self.rest.popFirst() {
            switch byte {
            case UInt8(ascii: "\""):
                return Self.pairsMatch(units) && String(validating: raw, as: UTF8.self) != nil
            case UInt8(ascii: "\\"):
                raw.append(0x20)
                if self.takeOne(of: "\"\\/bfnrt") {
                    units.append(nil)
                } else {
                    guard self.take(UInt8(ascii: "u")), self.rest.count >= 4 else { return false }
                    let digits = String(decoding: self.rest.prefix(4), as: UTF8.self)
                    guard digits.utf8.allSatisfy({ UnicodeScalar($0).properties.isASCIIHexDigit }),
                        let unit = UInt16(digits, radix: 16)
                    else {
                        return false
                    }
                    self.rest.removeFirst(4)
                    units.append(unit)
                }
            case 0..<0x20:
                return false
            default:
                raw.append(byte)
                units.append(nil)
            }
        }
        return false
    }

    private static func pairsMatch(_ units: [UInt16?]) -> Bool {
        var awaitsLow = false
        for unit in units {
            let isLow = unit.map { $0 & 0xFC00 == 0xDC00 } ?? false
            guard isLow == awaitsLow else { return false }
            awaitsLow = unit.map { $0 & 0xFC00 == 0xD800 } ?? false
        }
        return !awaitsLow
    }
}

@Suite struct JSONGrammarTests {
    /// Every text over `alphabet` with at most `length` letters, between `before` and `after`.
    private func compare(_ alphabet: [String], length: Int, before: String = "", after: String = "") {
        let letters = alphabet.map { Array($0.utf8) }
        var accepted = 0
        var digits = [Int](repeating: 0, count: length)
        for used in 0...length {
            for place in digits.indices { digits[place] = 0 }
            while true {
                let text = Array(before.utf8) + digits[..<used].flatMap { letters[$0] } + Array(after.utf8)
                let isAccepted = JSONScanner.failure(text) == nil
                if isAccepted { accepted += 1 }
                if isAccepted != ReferenceGrammar.accepts(text) {
                    Issue.record("disagreement on \(JSONCase(raw: text).testDescription)")
                }
                guard let place = digits[..<used].lastIndex(where: { $0 + 1 < letters.count }) else { break }
                digits[place] += 1
                for later in (place + 1)..<Swift.max(used, place + 1) { digits[later] = 0 }
            }
        }
        #expect(accepted > 0)
    }

    @Test func `the scanner and the reference agree on structure`() {
        self.compare(["{", "}", "[", "]", ",", ":", "\"\"", "1", " "], length: 5)
    }

    @Test func `the scanner and the reference agree on members`() {
        self.compare(["{", "}", ",", ":", "\"k\"", "null", "\n"], length: 4, before: "{\"a\":", after: "}")
    }

    @Test func `the scanner and the reference agree on numbers`() {
        self.compare(["-", "+", "0", "7", ".", "e", "E"], length: 5)
    }

    @Test func `the scanner and the reference agree on escapes`() {
        self.compare(["\\", "u", "d800", "DC00", "0041", "\"", "n", "é"], length: 5, before: "\"", after: "\"")
    }

    @Test func `the scanner and the reference agree on literals`() {
        self.compare(["t", "r", "u", "e", "n", "l"], length: 4)
        self.compare(["fal", "se", "s", "e", "true", "null", " "], length: 3)
    }
}
