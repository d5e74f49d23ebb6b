import Base
import Testing
import Wire

@testable import SupervisorCore

/// A frame of a WebSocket, either way.
struct RigFrame: Equatable {
    var opcode: UInt8
    var payload: [UInt8]
    var isFinal = true

    static func text(_ text: String, isFinal: Bool = true) -> RigFrame {
        RigFrame(opcode: 1, payload: [UInt8](text.utf8), isFinal: isFinal)
    }

    static func ping(_ text: String) -> RigFrame { RigFrame(opcode: 9, payload: [UInt8](text.utf8)) }
    static func pong(_ text: String) -> RigFrame { RigFrame(opcode: 10, payload: [UInt8](text.utf8)) }

    static func close(_ code: UInt16?, _ reason: String = "") -> RigFrame {
        let code = code.map { [UInt8($0 >> 8), UInt8($0 & 0xFF)] } ?? []
        return RigFrame(opcode: 8, payload: code + [UInt8](reason.utf8))
    }

    /// As a client writes it.
    var masked: [UInt8] {
        let mask: [UInt8] = [0x12, 0xF4, 0x05, 0x99]
        var bytes: [UInt8] = [(self.isFinal ? 0x80 : 0) | self.opcode]
        switch self.payload.count {
        case ..<126: bytes.append(0x80 | UInt8(self.payload.count))
        case ..<65_536: bytes += [0x80 | 126, UInt8(self.payload.count >> 8), UInt8(self.payload.count & 0xFF)]
        default:
            bytes.append(0x80 | 127)
            for shift in stride(from: 56, through: 0, by: -8) { bytes.append(UInt8(self.payload.count >> shift & 0xFF)) }
        }
        bytes += mask
        for (index, byte) in self.payload.enumerated() { bytes.append(byte ^ mask[index % 4]) }
        return bytes
    }

    /// The first whole frame that a server wrote, and its length.
    static func read(_ bytes: [UInt8]) -> (frame: RigFrame, count: Int)? {
        guard bytes.count >= 2 else { return nil }
        #expect(bytes[1] & 0x80 == 0, "a server does not mask")
        var start = 2
        var length = Int(bytes[1] & 0x7F)
        if length >= 126 {
            start = length == 126 ? 4 : 10
            guard bytes.count >= start else { return nil }
            length = bytes[2..<start].reduce(0) { $0 << 8 | Int($1) }
        }
        guard bytes.count >= start + length else { return nil }
        let frame = RigFrame(
            opcode: bytes[0] & 0x0F, payload: [UInt8](bytes[start..<(start + length)]), isFinal: bytes[0] & 0x80 != 0)
        return (frame, start + length)
    }

    var json: JSONValue { (try? JSONValue.parse(self.payload)) ?? .null }

    /// Of a close frame; nil without one.
    var closeCode: Int? {
        self.opcode == 8 && self.payload.count >= 2 ? Int(self.payload[0]) << 8 | Int(self.payload[1]) : nil
    }
}

extension RigClient {
    func send(_ frame: RigFrame) { self.send(frame.masked) }

    /// The whole frames that have come.
    func frames() -> [RigFrame] {
        var frames: [RigFrame] = []
        while let (frame, count) = RigFrame.read(self.rest) {
            _ = self.take(pending: count)
            frames.append(frame)
        }
        return frames
    }

    /// The messages among the frames, the lines or the events that have come.
    func messages() -> [JSONValue] { self.frames().filter { $0.opcode == 1 }.map(\.json) }

    /// The next lines.
    func lines() throws -> [JSONValue] {
        let bytes = self.take(pending: .max)
        #expect(bytes.isEmpty || bytes.last == 0x0A)
        return try bytes.split(separator: 0x0A).map { try JSONValue.parse([UInt8]($0)) }
    }
}

/// The three ways to speak with the supervisor both ways, so that one test can say a rule of them all.
final class RigDuplex {
    enum Way: String, CaseIterable {
        case webSocket, eventStream, standardStreams
    }

    let rig: Rig
    let way: Way
    let client: RigClient
    /// Where an event stream's messages go.
    private(set) var address = ""
    private var eventsSeen = 0

    init(_ way: Way, _ rig: Rig, path prefix: String = "", _ headers: RigText.Headers = []) throws {
        self.rig = rig
        self.way = way
        switch way {
        case .webSocket:
            self.client = try rig.send(RigText.upgrade("\(prefix)/ws", headers))
            let reply = try self.client.reply()
            try #require(reply.status == 101, "\(reply.text)")
        case .eventStream:
            self.client = try rig.send(RigText.request("GET", "\(prefix)/sse", [("Accept", "text/event-stream")] + headers))
            let first = try #require(self.client.reply().text.components(separatedBy: "\n\n").first)
            try #require(first.hasPrefix("event: endpoint\ndata: "))
            self.address = String(first.dropFirst("event: endpoint\ndata: ".count))
            self.eventsSeen = 1
        case .standardStreams: self.client = try rig.standardStreams()
        }
    }

    convenience init(initialized way: Way, _ rig: Rig, _ revision: String = "2025-11-25") throws {
        try self.init(way, rig)
        self.send(
            RigText.legacyBody(
                "initialize", id: "0",
                params: #"{"protocolVersion":"\#(revision)","capabilities":{},"clientInfo":{"name":"c","version":"1"}}"#))
        let answer = try #require(try self.messages().first)
        try #require(answer["result"]?["protocolVersion"] == .string(revision), "\(answer)")
    }

    /// Sends one message as its way carries it.
    func send(_ message: String) {
        switch self.way {
        case .webSocket: self.client.send(.text(message))
        case .standardStreams: self.client.send(message + "\n")
        case .eventStream:
            do {
                let reply = try self.rig.ask(RigText.post(message, path: self.address))
                #expect(reply.status == 202 && reply.text == "Accepted", "\(reply.status) \(reply.text)")
            } catch {
                Issue.record(error)
            }
        }
    }

    /// The messages that have come since the last call.
    func messages() throws -> [JSONValue] {
        switch self.way {
        case .webSocket: return self.client.messages()
        case .standardStreams: return try self.client.lines()
        case .eventStream:
            let events = try self.client.reply().events
            defer { self.eventsSeen = events.count }
            return Array(events.dropFirst(self.eventsSeen))
        }
    }

    /// Goes away without a word.
    func leave() { self.client.reset() }

    func call(_ id: String, meta: String = "") {
        self.send(RigText.legacyBody("tools/call", id: id, params: #"{"name":"t","arguments":{}\#(meta)}"#))
    }
}

extension RigText {
    /// The key of RFC 6455 1.3.
    static func upgrade(_ path: String = "/ws", _ headers: Headers = []) -> String {
        self.request(
            "GET", path,
            [
                ("Accept", nil), ("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"),
                ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ] + headers)
    }
}
