import Base
import Testing
import Wire

@testable import SupervisorCore

/// One local client on stdin and stdout: framing, and how it ends.
@Suite struct SupervisorStandardStreamsTests {
    @Test func `lines end in LF or CRLF, blank ones mean nothing`() throws {
        let rig = try Rig(transport: .stdio)
        let client = try rig.standardStreams()
        client.sendByteByByte(
            "\n\r\n" + RigText.legacyBody("ping", id: "1") + "\r\n\n" + RigText.legacyBody("ping", id: "2") + "\n")
        #expect(try client.lines().map { $0["id"] } == [1, 2])
        #expect(!client.received.contains(0x0D))
    }

    @Test func `a line that is too long is refused, and the next one is read`() throws {
        let rig = try Rig(.legacy, #""limits":{"body":"64K"}"#, transport: .stdio)
        let client = try rig.standardStreams()
        client.send(String(repeating: "x", count: 100_000) + "\n" + RigText.legacyBody("ping") + "\n")
        let lines = try client.lines()
        #expect(lines.count == 2 && lines[0]["error"]?["code"] == -32600 && lines[1]["id"] == 1)
    }

    @Test func `the end of input is answered to the end, and then all ends`() throws {
        let rig = try Rig(transport: .stdio)
        let duplex = try RigDuplex(initialized: .standardStreams, rig)
        duplex.call("1")
        duplex.client.end()
        #expect(duplex.client.isOpen && rig.exitStatus == nil)
        try rig.worker.answer(try rig.worker.request())
        #expect(try duplex.messages().map { $0["id"] } == [1])
        #expect(!duplex.client.isOpen)
        #expect(try rig.worker.isInputClosed)
        try rig.worker.die(.exited(0))
        #expect(rig.exitStatus == 0)
    }

    @Test func `a last line without its end counts`() throws {
        let rig = try Rig(transport: .stdio)
        let client = try rig.standardStreams()
        client.send(RigText.legacyBody("ping"))
        #expect(!client.hasReply)
        client.end()
        #expect(try client.lines().map { $0["id"] } == [1])
    }

    @Test func `input that ends before the worker is there is served all the same`() throws {
        let rig = try Rig(transport: .stdio, starting: false)
        rig.handshakes = false
        rig.start()
        let client = try rig.standardStreams()
        client.send(
            RigText.legacyBody("initialize", id: "0", params: #"{"protocolVersion":"2025-06-18"}"#) + "\n"
                + RigText.legacyBody("tools/list", id: "1"))
        client.end()
        #expect(!client.hasReply && client.isOpen)
        try rig.worker.answerHandshake(try rig.worker.next())
        rig.settle()
        try rig.worker.answer(try rig.worker.request(), #"{"tools":[]}"#)
        #expect(try client.lines().map { $0["id"] } == [0, 1])
        #expect(!client.isOpen)
    }

    @Test func `with listeners the end of input ends only this client`() throws {
        let rig = try Rig(transport: .both)
        let duplex = try RigDuplex(initialized: .standardStreams, rig)
        duplex.client.end()
        #expect(!duplex.client.isOpen && rig.sessionCount == 0)
        #expect(try rig.ask(RigText.request("GET", "/health")).status == 200)
        #expect(try rig.worker.isInputClosed == false)
    }

    @Test(arguments: [Transport.stdio, .both])
    func `a closed stdout cancels what runs`(transport: Transport) throws {
        let rig = try Rig(transport: transport)
        let duplex = try RigDuplex(initialized: .standardStreams, rig)
        duplex.call("1")
        duplex.leave()
        #expect(rig.callCount == 0)
        #expect(try rig.worker.isInputClosed == (transport == .stdio))
    }

    @Test func `a signal while the input is at its end does not count twice`() throws {
        let rig = try Rig(transport: .stdio)
        let duplex = try RigDuplex(initialized: .standardStreams, rig)
        duplex.call("1")
        rig.drain()
        duplex.client.end()
        try rig.worker.answer(try rig.worker.request())
        #expect(!rig.logged("another signal shortened the drain"))
        #expect(try duplex.messages().map { $0["id"] } == [1])
    }

    @Test func `the local client has no age and is waited for`() throws {
        let rig = try Rig(.legacy, #""limits":{"sessionAge":"1h","streamAge":"1h","writeTimeout":"10s"}"#, transport: .stdio)
        let duplex = try RigDuplex(initialized: .standardStreams, rig)
        duplex.client.window = 0
        duplex.send(RigText.legacyBody("ping"))
        rig.advance(.hours(30))
        #expect(duplex.client.isOpen && rig.sessionCount == 1)
        duplex.client.take(1_000)
        #expect(try duplex.messages().map { $0["id"] } == [1])
    }

    @Test func `nothing is listened on, whatever the file says`() throws {
        let rig = try Rig(.legacy, #""listen":["0.0.0.0:80"]"#, transport: .stdio)
        #expect(rig.machine.configuration.listeners.isEmpty)
    }
}
