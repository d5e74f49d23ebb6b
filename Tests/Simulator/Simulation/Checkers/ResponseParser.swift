import Base

/// Reads what the supervisor sends to one client, and accepts only what it may send: the grammar of RFC 9112, one framing, no
/// field twice, none of the required fields missing. Written without the server's own code, so that an error there is not
/// repeated here.
struct ResponseParser {
    struct Head {
        let status: Int
        let fields: [(name: String, value: String)]

        subscript(_ name: String) -> String? { self.fields.first { $0.name == name }?.value }
        var isEventStream: Bool { self["content-type"] == "text/event-stream" }
        var closes: Bool { self["connection"] == "close" }
    }

    enum Event {
        case head(Head)
        case body([UInt8])
        case end
    }

    struct Malformed: Error {
        let text: String
    }

    private enum State {
        case head
        case length(Int)
        case chunkSize
        case chunk(Int)
        case chunkEnd
        case lastEnd
        case untilClose
    }

    private var state: State = .head
    private var buffer: [UInt8] = []
    private var position = 0
    /// The current body is an event stream that ends with the connection.
    var isUntilClose: Bool { if case .untilClose = self.state { true } else { false } }
    /// Between two responses, with nothing of the next one received.
    var isIdle: Bool { if case .head = self.state { self.position == self.buffer.count } else { false } }

    static let headBytesMax = 16 << 10

    mutating func feed(_ bytes: [UInt8]) {
        self.buffer.removeSubrange(0..<self.position)
        self.position = 0
        self.buffer.append(contentsOf: bytes)
    }

    /// What the bytes fed so far hold, piece by piece; none when more are needed. `isHead` tells whether the response that begins
    /// next answers a HEAD request.
    mutating func next(isHead: Bool) throws(Malformed) -> [Event] {
        var events: [Event] = []
        while events.isEmpty, try self.step(&events, isHead) {}  // Bound: each step consumes bytes or ends the loop.
        return events
    }

    private mutating func step(_ events: inout [Event], _ isHead: Bool) throws(Malformed) -> Bool {
        switch self.state {
        case .head: return try self.readHead(&events, isHead)
        case .length(let left):
            guard let bytes = self.takeUpTo(left) else { return false }
            events.append(.body(bytes))
            if bytes.count == left {
                self.state = .head
                events.append(.end)
            } else {
                self.state = .length(left - bytes.count)
            }
            return true
        case .chunkSize: return try self.readChunkSize()
        case .chunk(let left):
            guard let bytes = self.takeUpTo(left) else { return false }
            events.append(.body(bytes))
            self.state = bytes.count == left ? .chunkEnd : .chunk(left - bytes.count)
            return true
        case .chunkEnd:
            guard let line = try self.takeLine(limit: 0) else { return false }
            guard line.isEmpty else { throw Malformed(text: "no CRLF after a chunk") }
            self.state = .chunkSize
            return true
        case .lastEnd:
            guard let line = try self.takeLine(limit: 0) else { return false }
            guard line.isEmpty else { throw Malformed(text: "a trailer section") }
            self.state = .head
            events.append(.end)
            return true
        case .untilClose:
            guard let bytes = self.takeUpTo(Int.max) else { return false }
            events.append(.body(bytes))
            return true
        }
    }

    private mutating func takeUpTo(_ limit: Int) -> [UInt8]? {
        let count = Swift.min(limit, self.buffer.count - self.position)
        guard count > 0 else { return nil }
        defer { self.position += count }
        return Array(self.buffer[self.position..<(self.position + count)])
    }

    /// A line without its CRLF. A bare CR or LF, or more than `limit` bytes, is malformed.
    private mutating func takeLine(limit: Int) throws(Malformed) -> [UInt8]? {
        var index = self.position
        while index < self.buffer.count, self.buffer[index] != 0x0A, index - self.position <= limit + 2 { index += 1 }
        guard index - self.position <= limit + 1 else { throw Malformed(text: "a line is longer than \(limit) bytes") }
        guard index < self.buffer.count else { return nil }
        guard index > self.position, self.buffer[index - 1] == 0x0D else { throw Malformed(text: "a bare LF") }
        let line = Array(self.buffer[self.position..<(index - 1)])
        guard !line.contains(0x0D) else { throw Malformed(text: "a bare CR") }
        self.position = index + 1
        return line
    }

    private mutating func readChunkSize() throws(Malformed) -> Bool {
        guard let line = try self.takeLine(limit: 8) else { return false }
        guard !line.isEmpty else { throw Malformed(text: "an empty chunk size") }
        var size = 0
        for byte in line {
            guard let digit = ASCII.hexValue(byte) else { throw Malformed(text: "a chunk size that is no hexadecimal number") }
            size = size << 4 | Int(digit)
        }
        self.state = size == 0 ? .lastEnd : .chunk(size)
        return true
    }

    // MARK: Head

    private mutating func readHead(_ events: inout [Event], _ isHead: Bool) throws(Malformed) -> Bool {
        guard let end = self.endOfHead() else {
            guard self.buffer.count - self.position <= Self.headBytesMax else { throw Malformed(text: "a head without end") }
            return false
        }
        let text = String(decoding: self.buffer[self.position..<end], as: UTF8.self)
        self.position = end + 4
        var lines = text.split(separator: "\r\n", omittingEmptySubsequences: false)[...]
        let status = try Self.status(lines.popFirst() ?? "")
        var fields: [(name: String, value: String)] = []
        for line in lines {
            let field = try Self.field(line)
            guard !fields.contains(where: { $0.name == field.name }) else {
                throw Malformed(text: "the field \(field.name) twice")
            }
            fields.append(field)
        }
        let head = Head(status: status, fields: fields)
        if status == 100 {
            guard fields.isEmpty else { throw Malformed(text: "fields in an interim response") }
            return true
        }
        try Self.check(head)
        events.append(.head(head))
        try self.beginBody(head, isHead, &events)
        return true
    }

    private func endOfHead() -> Int? {
        var index = self.position
        while index + 3 < self.buffer.count {
            if self.buffer[index] == 0x0D, self.buffer[index + 1] == 0x0A, self.buffer[index + 2] == 0x0D,
                self.buffer[index + 3] == 0x0A
            {
                return index
            }
            index += 1
        }
        return nil
    }

    private static func status(_ line: Substring) throws(Malformed) -> Int {
        let parts = line.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0] == "HTTP/1.1", parts[1].utf8.count == 3, let status = Int(parts[1]),
            (100...599).contains(status)
        else { throw Malformed(text: "the status line \(line)") }
        return status
    }

    private static func field(_ line: Substring) throws(Malformed) -> (name: String, value: String) {
        guard let colon = line.utf8.firstIndex(of: 0x3A), colon != line.startIndex else {
            throw Malformed(text: "the line \(line)")
        }
        let name = line[..<colon]
        let value = line[line.utf8.index(after: colon)...]
        let isToken = name.utf8.allSatisfy { ASCII.isDigit($0) || $0 == 0x2D || (0x61...0x7A).contains(ASCII.lowercased($0)) }
        guard isToken, value.utf8.first == 0x20, value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
            throw Malformed(text: "the field \(line)")
        }
        return (name.lowercased(), String(value.dropFirst()))
    }

    /// RFC 9112 6 and the fields that every answer carries.
    private static func check(_ head: Head) throws(Malformed) {
        guard head.status >= 200 || head.status == 101 else { throw Malformed(text: "the interim status \(head.status)") }
        guard head["content-length"] == nil || head["transfer-encoding"] == nil else {
            throw Malformed(text: "both Content-Length and Transfer-Encoding")
        }
        if head.status == 204 || head.status == 304 {
            guard head["content-length"] == nil, head["transfer-encoding"] == nil else {
                throw Malformed(text: "a framing field in a \(head.status) (RFC 9110 8.6)")
            }
        }
        for name in ["date", "cache-control", "x-content-type-options", "content-security-policy"] where head[name] == nil {
            throw Malformed(text: "no \(name) in a \(head.status)")
        }
    }

    private mutating func beginBody(_ head: Head, _ isHead: Bool, _ events: inout [Event]) throws(Malformed) {
        if head.status == 101 {
            guard head["upgrade"] == "websocket", head["connection"] == "Upgrade", head["content-length"] == nil else {
                throw Malformed(text: "an upgrade to something else")
            }
            self.state = .untilClose
        } else if isHead || head.status == 204 || head.status == 304 {
            events.append(.end)
        } else if let text = head["content-length"] {
            guard let length = Int(text), length >= 0, String(length) == text else { throw Malformed(text: "the length \(text)") }
            self.state = .length(length)
            if length == 0 {
                self.state = .head
                events.append(.end)
            }
        } else if let coding = head["transfer-encoding"] {
            guard coding == "chunked" else { throw Malformed(text: "the coding \(coding)") }
            self.state = .chunkSize
        } else {
            guard head.closes else { throw Malformed(text: "a body without framing on a connection that stays open") }
            self.state = .untilClose
        }
    }
}
