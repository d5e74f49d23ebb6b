import Base

/// A second reading of RFC 8259, as plain as possible: recursive, one function for each rule of the grammar, no limits.
public struct ReferenceJSON {
    private let bytes: [UInt8]
    private var position = 0

    private init(bytes: [UInt8]) { self.bytes = bytes }

    public static func accepts(_ bytes: [UInt8]) -> Bool {
        guard String(validating: bytes, as: UTF8.self) != nil else { return false }
        var reader = Self(bytes: bytes)
        reader.skipSpace()
        guard reader.value() else { return false }
        reader.skipSpace()
        return reader.position == bytes.count
    }

    private var next: UInt8? { self.position < self.bytes.count ? self.bytes[self.position] : nil }

    private mutating func skipSpace() {
        while let byte = self.next, [0x20, 0x09, 0x0A, 0x0D].contains(byte) { self.position += 1 }
    }

    private mutating func take(_ text: String) -> Bool {
        guard self.bytes[self.position...].starts(with: text.utf8) else { return false }
        self.position += text.utf8.count
        return true
    }

    private mutating func value() -> Bool {
        switch self.next {
        case UInt8(ascii: "{"): self.list("{", "}") { $0.member() }
        case UInt8(ascii: "["): self.list("[", "]") { $0.value() }
        case UInt8(ascii: "\""): self.string()
        case UInt8(ascii: "t"): self.take("true")
        case UInt8(ascii: "f"): self.take("false")
        case UInt8(ascii: "n"): self.take("null")
        default: self.number()
        }
    }

    private mutating func list(_ open: String, _ close: String, _ element: (inout Self) -> Bool) -> Bool {
        guard self.take(open) else { return false }
        self.skipSpace()
        if self.take(close) { return true }
        while true {
            self.skipSpace()
            guard element(&self) else { return false }
            self.skipSpace()
            if self.take(close) { return true }
            guard self.take(",") else { return false }
        }
    }

    private mutating func member() -> Bool {
        guard self.string() else { return false }
        self.skipSpace()
        guard self.take(":") else { return false }
        self.skipSpace()
        return self.value()
    }

    private mutating func string() -> Bool {
        guard self.take("\"") else { return false }
        while let byte = self.next {
            if byte < 0x20 { return false }
            if byte == UInt8(ascii: "\"") { return self.take("\"") }
            if byte != UInt8(ascii: "\\") {
                self.position += 1
            } else {
                guard self.escape() else { return false }
            }
        }
        return false
    }

    private mutating func escape() -> Bool {
        guard self.take("\\"), let kind = self.next else { return false }
        self.position += 1
        guard kind == UInt8(ascii: "u") else { return "\"\\/bfnrt".utf8.contains(kind) }
        guard let unit = self.unit() else { return false }
        if (0xDC00...0xDFFF).contains(unit) { return false }
        if (0xD800...0xDBFF).contains(unit) {
            guard self.take("\\u"), let low = self.unit() else { return false }
            return (0xDC00...0xDFFF).contains(low)
        }
        return true
    }

    private mutating func unit() -> Int? {
        var unit = 0
        for _ in 0..<4 {
            guard let byte = self.next, let digit = ASCII.hexValue(byte) else { return nil }
            unit = unit * 16 + Int(digit)
            self.position += 1
        }
        return unit
    }

    private mutating func number() -> Bool {
        _ = self.take("-")
        if !self.take("0") {
            guard self.digits() else { return false }
        }
        if self.take(".") {
            guard self.digits() else { return false }
        }
        if self.take("e") || self.take("E") {
            _ = self.take("+") || self.take("-")
            guard self.digits() else { return false }
        }
        return true
    }

    private mutating func digits() -> Bool {
        let start = self.position
        while let byte = self.next, ASCII.isDigit(byte) { self.position += 1 }
        return self.position > start
    }
}
