import Base
import Testing
import Wire

@testable import SupervisorCore

/// The client's end of one connection.
final class RigClient {
    private unowned let rig: Rig
    let key: ConnectionKey
    /// Every byte the supervisor sent, and how many of them `reply` has consumed.
    private(set) var received: [UInt8] = []
    private var consumed = 0
    /// How many more bytes this reader takes.
    var window = Int.max
    var isPaused = false
    var isClosed = false
    private(set) var isShut = false
    /// A normal client ends its side when the supervisor has.
    var closesWhenShut = true

    init(_ rig: Rig, _ key: ConnectionKey) {
        self.rig = rig
        self.key = key
    }

    var isOpen: Bool { !self.isClosed && !self.isShut }

    // MARK: To the machine

    func send(_ bytes: [UInt8]) {
        self.rig.machine.bytesReceived(self.key, bytes.span, at: self.rig.now)
        self.rig.settle()
    }

    func send(_ text: String) { self.send([UInt8](text.utf8)) }

    func sendByteByByte(_ text: String) { for byte in text.utf8 { self.send([byte]) } }

    /// FIN.
    func end() {
        self.rig.machine.inputEnded(self.key, at: self.rig.now)
        self.rig.settle()
    }

    /// RST.
    func reset() {
        self.rig.machine.connectionLost(self.key, at: self.rig.now)
        self.rig.settle()
    }

    /// A reader that was slow takes `count` more bytes.
    func take(_ count: Int) {
        self.window += count
        self.writeOutput()
        self.rig.settle()
    }

    func writeOutput() {
        guard !self.isClosed else { return }
        let limit = self.window
        let bytes = self.rig.machine.withOutput(of: self.key) { output in
            [UInt8](output, ByteRange(0, Swift.min(output.count, limit)))
        }
        guard let bytes else { return }
        self.received += bytes
        if self.window != .max { self.window -= bytes.count }
        self.rig.machine.outputWritten(self.key, bytes.count, at: self.rig.now)
    }

    func shutDown() {
        self.isShut = true
        if self.closesWhenShut { self.rig.machine.inputEnded(self.key, at: self.rig.now) }
    }

    // MARK: From the machine

    /// Everything that has not been consumed as a reply.
    var pending: String { String(decoding: self.received[self.consumed...], as: UTF8.self) }

    /// The next response. An incomplete one, such as an open stream, is not consumed: ask again later.
    func reply(toHead: Bool = false) throws -> RigReply {
        let rest = self.received[self.consumed...]
        let reply = try #require(
            RigReply(rest, toHead: toHead, isEnded: self.isClosed || self.isShut), "no response, but: \(self.pending)")
        if reply.isComplete { self.consumed += reply.byteCount }
        return reply
    }

    var rest: [UInt8] { [UInt8](self.received[self.consumed...]) }

    /// Takes the first `count` bytes that have not been consumed.
    func take(pending count: Int) -> [UInt8] {
        let taken = [UInt8](self.received[self.consumed...].prefix(count))
        self.consumed += taken.count
        return taken
    }

    var hasReply: Bool { self.consumed < self.received.count }
}

/// One response, parsed strictly enough to notice a wrong framing.
struct RigReply {
    let status: Int
    let headers: [(name: String, value: String)]
    private(set) var body: [UInt8] = []
    private(set) var isComplete = true
    private(set) var byteCount: Int

    init?(_ bytes: ArraySlice<UInt8>, toHead: Bool, isEnded: Bool) {
        guard let end = Self.find([13, 10, 13, 10], bytes) else { return nil }
        let lines = String(decoding: bytes[bytes.startIndex..<end], as: UTF8.self).split(separator: "\r\n")
        guard let first = lines.first, first.hasPrefix("HTTP/1.1 "), let status = Int(first.dropFirst(9).prefix(3)) else {
            return nil
        }
        self.status = status
        self.headers = lines.dropFirst().compactMap { line in
            guard let colon = line.firstIndex(of: ":") else { return nil }
            return (line[..<colon].lowercased(), String(line[line.index(after: colon)...].drop { $0 == " " }))
        }
        let start = end + 4
        self.byteCount = start - bytes.startIndex
        if toHead || status < 200 || status == 204 || status == 304 { return }
        if self["transfer-encoding"] == "chunked" {
            self.readChunks(bytes, from: start)
        } else if let length = self["content-length"].flatMap({ Int($0) }) {
            self.body = [UInt8](bytes[start...].prefix(length))
            self.isComplete = self.body.count == length
            self.byteCount += self.body.count
        } else {
            self.body = [UInt8](bytes[start...])
            self.isComplete = isEnded
            self.byteCount += self.body.count
        }
    }

    private mutating func readChunks(_ bytes: ArraySlice<UInt8>, from start: Int) {
        var position = start
        self.isComplete = false
        while let end = Self.find([13, 10], bytes[position...]),
            let size = Int(String(decoding: bytes[position..<end], as: UTF8.self), radix: 16)
        {
            guard end + 2 + size + 2 <= bytes.endIndex else { return }
            guard bytes[end + 2 + size] == 13, bytes[end + 3 + size] == 10 else {
                Issue.record("a chunk does not end in CRLF")
                return
            }
            self.body += bytes[(end + 2)..<(end + 2 + size)]
            position = end + 4 + size
            guard size == 0 else { continue }
            self.isComplete = true
            self.byteCount = position - bytes.startIndex
            return
        }
    }

    private static func find(_ pattern: [UInt8], _ bytes: ArraySlice<UInt8>) -> Int? {
        guard bytes.count >= pattern.count else { return nil }
        return (bytes.startIndex...(bytes.endIndex - pattern.count)).first {
            bytes[$0..<($0 + pattern.count)].elementsEqual(pattern)
        }
    }

    subscript(name: String) -> String? { self.headers.first { $0.name == name }?.value }

    var text: String { String(decoding: self.body, as: UTF8.self) }

    /// The body as JSON; `.null` when it is none.
    var json: JSONValue { (try? JSONValue.parse(self.body)) ?? .null }

    var isStream: Bool { self["content-type"] == "text/event-stream" }

    var keepsAlive: Bool { self["connection"] != "close" }

    /// The messages of an event stream.
    var events: [JSONValue] {
        self.text.components(separatedBy: "\n\n").compactMap { block in
            let data = block.split(separator: "\n").filter { $0.hasPrefix("data: ") }.map { $0.dropFirst(6) }
            guard !data.isEmpty else { return nil }
            #expect(data.count == 1, "one message is one data line")
            return (try? JSONValue.parse([UInt8](data.joined(separator: "\n").utf8))) ?? .null
        }
    }

    var comments: Int { self.text.components(separatedBy: "\n\n").filter { $0.hasPrefix(":") }.count }

    /// The JSON-RPC error code of the body.
    var code: Int64? { self.json["error"]?["code"]?.int64Value }

    var message: String { self.json["error"]?["message"]?.stringValue ?? "" }
}

extension String {
    func components(separatedBy separator: String) -> [String] {
        var parts: [String] = []
        var rest = Substring(self)
        while let range = rest.firstRange(of: separator) {
            parts.append(String(rest[..<range.lowerBound]))
            rest = rest[range.upperBound...]
        }
        return parts + [String(rest)]
    }
}
