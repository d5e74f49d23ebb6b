import Base

/// Field lines of a response, ready to be sent. The only way in checks every byte, so that nothing a client or a worker said can
/// begin a line of its own.
public struct HTTPFields: Sendable, Equatable {
    /// Whole lines, each with its CRLF.
    public private(set) var bytes: [UInt8] = []

    public init() {}

    public var isEmpty: Bool { self.bytes.isEmpty }

    /// Adds a line with a value from anywhere. Control bytes in it become `?`.
    public mutating func append(_ name: StaticString, _ value: Span<UInt8>) {
        self.appendName(name)
        self.bytes.appendFieldValue(value)
        self.appendLineEnd()
    }

    /// Adds a line with one of our own values.
    public mutating func append(_ name: StaticString, _ value: StaticString) {
        self.appendName(name)
        let start = self.bytes.count
        self.bytes.append(value)
        self.bytes.replaceControls(from: start)
        self.appendLineEnd()
    }

    public mutating func append(_ name: StaticString, decimal value: Int64) {
        self.appendName(name)
        self.bytes.append(decimal: value)
        self.appendLineEnd()
    }

    /// Names are our own constants; an offending byte in one would be a bug of ours.
    private mutating func appendName(_ name: StaticString) {
        let start = self.bytes.count
        self.bytes.append(name)
        for index in start..<self.bytes.count {
            precondition(HTTPByte.token.contains(self.bytes[index]), "a field name is not a token")
        }
        self.bytes.append(": ")
    }

    private mutating func appendLineEnd() {
        self.bytes.append(HTTPByte.carriageReturn)
        self.bytes.append(HTTPByte.lineFeed)
    }
}

extension OutputSpan where Element == UInt8 {
    /// Appends a field value with every control byte replaced by `?`.
    mutating func appendFieldValue(_ value: Span<UInt8>) {
        var rest = value
        while true {  // Bound: the bytes of the value.
            var seen: UInt64 = 0
            let end = HTTPByte.firstControl(rest, from: 0, to: rest.count, seen: &seen)
            self.append(rest.extracting(0..<end))
            guard end < rest.count else { return }
            self.append(0x3F)
            rest = rest.extracting((end + 1)...)
        }
    }

    mutating func appendFieldValue(_ value: StaticString) {
        unsafe self.appendFieldValue(Span(_unsafeStart: value.utf8Start, count: value.utf8CodeUnitCount))
    }
}

extension [UInt8] {
    /// Appends a field value with every control byte replaced by `?`.
    mutating func appendFieldValue(_ value: Span<UInt8>) {
        let start = self.count
        self.append(value)
        self.replaceControls(from: start)
    }

    /// Replaces every control byte, tab included, from `start` on by `?`.
    mutating func replaceControls(from start: Int) {
        var seen: UInt64 = 0
        var index = start
        while true {  // Bound: the bytes from `start` on.
            index = HTTPByte.firstControl(self.span, from: index, to: self.count, seen: &seen)
            guard index < self.count else { return }
            self[index] = 0x3F
            index += 1
        }
    }
}
