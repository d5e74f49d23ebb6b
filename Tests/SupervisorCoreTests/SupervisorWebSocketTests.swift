import Base
import Testing
import Wire

@testable import SupervisorCore

/// WebSockets, table 1.8 of the protocol: handshake, frames, close codes, pings, limits.
@Suite struct SupervisorWebSocketTests {
    @Test(arguments: ["/ws", "/mcp", "/servers/only/ws", "/servers/only/mcp"])
    func `every MCP endpoint and every ws path upgrades`(path: String) throws {
        let rig = try Rig()
        let client = try rig.send(RigText.upgrade(path, [("Sec-WebSocket-Protocol", "x, mcp")]))
        let reply = try client.reply()
        #expect(reply.status == 101 && reply["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        #expect(reply["sec-websocket-protocol"] == "mcp" && reply["content-length"] == nil)
        client.send(.text(RigText.legacyBody("ping")))
        #expect(client.messages().first?["id"] == 1)
    }

    @Test(
        arguments: [
            ([("Upgrade", nil)], 426), ([("Connection", "keep-alive")], 426), ([("Sec-WebSocket-Version", "8")], 426),
            ([("Sec-WebSocket-Key", nil)], 400), ([("Sec-WebSocket-Key", "short")], 400),
            ([("Origin", "https://evil.example")], 403),
            ([("Host", "evil.example")], 403),
        ] as [(RigText.Headers, Int)])
    func `a wrong handshake is refused`(headers: RigText.Headers, status: Int) throws {
        let rig = try Rig()
        let reply = try rig.ask(RigText.upgrade("/ws", headers))
        #expect(reply.status == status)
        if status == 426 { #expect(reply["upgrade"] == "websocket" && reply["sec-websocket-version"] == "13") }
        #expect(rig.duplexCount == 0)
    }

    @Test func `the path of WebSockets serves nothing else`() throws {
        let rig = try Rig()
        let reply = try rig.ask(RigText.post("{}", path: "/ws"))
        #expect(reply.status == 405 && reply["allow"] == "GET")
    }

    @Test func `bytes behind the handshake that did not wait for its answer end the connection`() throws {
        let rig = try Rig()
        let client = try rig.connect()
        client.send([UInt8](RigText.upgrade().utf8) + RigFrame.text("{}").masked)
        #expect(client.isClosed && rig.duplexCount == 0)
    }

    @Test func `fragments, control frames between them and single bytes make no difference`() throws {
        let rig = try Rig()
        let duplex = try RigDuplex(initialized: .webSocket, rig)
        let text = RigText.legacyBody("ping", id: #""ü""#)
        let bytes = [UInt8](text.utf8)
        let cut = bytes.firstIndex(of: 0xC3).map { $0 + 1 } ?? 3
        let stream =
            RigFrame(opcode: 1, payload: Array(bytes[..<cut]), isFinal: false).masked + RigFrame.ping("x").masked
            + RigFrame(opcode: 0, payload: Array(bytes[cut...])).masked
        for byte in stream { duplex.client.send([byte]) }
        let frames = duplex.client.frames()
        #expect(frames.first == .pong("x"))
        #expect(frames.last?.json == ["jsonrpc": "2.0", "id": "ü", "result": [:]])
        duplex.client.send(stream + stream)
        #expect(duplex.client.frames().count == 4)
    }

    @Test func `a trailing line end is tolerated`() throws {
        let rig = try Rig()
        let duplex = try RigDuplex(.webSocket, rig)
        duplex.send(RigText.legacyBody("ping") + "\r\n")
        #expect(try duplex.messages().first?["id"] == 1)
    }

    @Test(
        arguments: [
            (RigFrame(opcode: 2, payload: [1]).masked, 1003), (RigFrame(opcode: 1, payload: [0xFF]).masked, 1007),
            (RigFrame(opcode: 0, payload: []).masked, 1002), (RigFrame(opcode: 3, payload: []).masked, 1002),
            ([0x81, 0x01, 0x61], 1002), ([0xC1], 1002), (RigFrame.close(1005).masked, 1002),
            ([0x81, 0xFF, 0, 0, 0, 0, 0, 0x50, 0, 0], 1009), (RigFrame(opcode: 9, payload: [], isFinal: false).masked, 1002),
        ] as [([UInt8], Int)])
    func `what breaks the protocol is told by its code, and cancels what runs`(bytes: [UInt8], code: Int) throws {
        let rig = try Rig()
        let duplex = try RigDuplex(initialized: .webSocket, rig)
        duplex.call("1")
        duplex.client.send(bytes + RigFrame.text(RigText.legacyBody("ping")).masked)
        #expect(duplex.client.frames().map(\.closeCode) == [code])
        #expect(duplex.client.isShut && rig.callCount == 0 && rig.sessionCount == 0)
    }

    @Test(arguments: [(RigFrame.close(1000, "bye"), [UInt8]([3, 232])), (.close(nil), []), (.close(4000), [15, 160])])
    func `a close is answered with its code`(frame: RigFrame, payload: [UInt8]) throws {
        let rig = try Rig()
        let duplex = try RigDuplex(.webSocket, rig)
        duplex.client.send(frame)
        #expect(duplex.client.frames() == [RigFrame(opcode: 8, payload: payload)])
        #expect(duplex.client.isShut && rig.connectionCount == 0)
    }

    @Test func `a peer that stays silent is asked once and then given up`() throws {
        let rig = try Rig(.legacy, #""limits":{"keepAlive":"10s"}"#)
        let duplex = try RigDuplex(initialized: .webSocket, rig)
        rig.advance(.seconds(11))
        #expect(duplex.client.frames() == [.ping("")])
        duplex.client.send(.pong(""))
        rig.advance(.seconds(10))
        #expect(duplex.client.frames() == [.ping("")] && duplex.client.isOpen)
        rig.advance(.seconds(10))
        #expect(duplex.client.isClosed && rig.sessionCount == 0)
    }

    @Test func `a reader that is behind is not asked, but not waited for either`() throws {
        let rig = try Rig(.legacy, #""limits":{"keepAlive":"5s","writeTimeout":"30s"}"#)
        let duplex = try RigDuplex(initialized: .webSocket, rig)
        duplex.client.window = 5
        duplex.send(RigText.legacyBody("ping"))
        rig.advance(.seconds(20))
        #expect(duplex.client.isOpen)
        rig.advance(.seconds(15))
        #expect(duplex.client.isClosed)
    }

    @Test func `a client that asks and does not read is not listened to until it does`() throws {
        let rig = try Rig(.legacy, #""limits":{"streamQueue":"4096"}"#)
        let duplex = try RigDuplex(initialized: .webSocket, rig)
        duplex.client.window = 0
        for _ in 0..<200 { duplex.send(RigText.legacyBody("ping")) }
        #expect(duplex.client.isPaused)
        duplex.client.take(1 << 20)
        #expect(!duplex.client.isPaused && duplex.client.isOpen)
        #expect(try duplex.messages().count == 200)
    }

    @Test func `a WebSocket without session ends when it is as old as a stream may get`() throws {
        let rig = try Rig(.modern, #""limits":{"streamAge":"1h","keepAlive":"10m"}"#)
        let duplex = try RigDuplex(.webSocket, rig)
        for _ in 0..<7 {
            duplex.client.send(.pong(""))
            rig.advance(.minutes(10))
        }
        #expect(duplex.client.frames().last?.closeCode == 1001)
        #expect(!duplex.client.isOpen)
    }

    @Test func `a session that is too old ends with its connection`() throws {
        let rig = try Rig(.legacy, #""limits":{"sessionAge":"1h","sessionIdle":"30m","keepAlive":"10m"}"#)
        let duplex = try RigDuplex(initialized: .webSocket, rig)
        for _ in 0..<7 {
            duplex.client.send(.pong(""))
            rig.advance(.minutes(10))
        }
        #expect(duplex.client.frames().last?.closeCode == 1001)
        #expect(rig.sessionCount == 0)
    }

    @Test func `no session of a WebSocket can be used over HTTP`() throws {
        let rig = try Rig()
        _ = try RigDuplex(initialized: .webSocket, rig)
        for number in 1...3 {
            let id = "000000000000abcd" + String(repeating: "0", count: 15) + "\(number)"
            #expect(try rig.ask(RigText.legacy("ping", session: id)).status == 404)
        }
    }

    @Test func `a close during the drain still reaches its reader`() throws {
        let rig = try Rig()
        let duplex = try RigDuplex(initialized: .webSocket, rig)
        duplex.client.window = 1
        rig.drain()
        try rig.worker.die(.exited(0))
        #expect(rig.exitStatus == nil)
        duplex.client.take(1_000)
        #expect(duplex.client.frames().last?.closeCode == 1012)
        #expect(rig.exitStatus == 0)
    }
}
