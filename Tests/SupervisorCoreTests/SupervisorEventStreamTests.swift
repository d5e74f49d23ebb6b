import Base
import Testing
import Wire

@testable import SupervisorCore

/// HTTP+SSE of 2024-11-05, table 1.2 of the protocol.
@Suite struct SupervisorEventStreamTests {
    private static let ping = RigText.legacyBody("ping")

    @Test(arguments: ["", "/servers/only"])
    func `the first event names where to post`(prefix: String) throws {
        let rig = try Rig()
        let duplex = try RigDuplex(.eventStream, rig, path: prefix)
        let open = try duplex.client.reply()
        #expect(open.status == 200 && open.isStream && !open.isComplete)
        #expect(open["mcp-session-id"] == nil && open["cache-control"]?.contains("no-transform") == true)
        #expect(duplex.address.hasPrefix("\(prefix)/messages?session_id="))
        #expect(duplex.address.utf8.count == prefix.utf8.count + 21 + 32)
        duplex.send(Self.ping)
        #expect(try duplex.messages().first?["id"] == 1)
        #expect(!(try duplex.client.reply().text.contains("id: ")), "no event ids, nothing to resume")
    }

    @Test func `Accept may be left out, but must not exclude events`() throws {
        let rig = try Rig()
        #expect(try rig.send(RigText.request("GET", "/sse", [("Accept", nil)])).reply().status == 200)
        #expect(try rig.ask(RigText.request("GET", "/sse", [("Accept", "application/json")])).status == 406)
    }

    @Test(arguments: [
        ("/messages", 400), ("/messages?session_id=", 400), ("/messages?session_id=zz", 400), ("/messages?id=5", 400),
        ("/messages?session_id=\(String(repeating: "0", count: 32))", 404),
    ])
    func `a message needs an open stream`(path: String, status: Int) throws {
        let rig = try Rig()
        #expect(try rig.ask(RigText.post(Self.ping, path: path)).status == status)
    }

    @Test func `another server's stream is unknown`() throws {
        let rig = try Rig(file: #"{"mcpServers":{"a":{"command":"/x"},"b":{"command":"/y"}}}"#)
        let duplex = try RigDuplex(.eventStream, rig)
        let path = duplex.address.replacing("/messages", with: "/servers/b/messages")
        #expect(try rig.ask(RigText.post(Self.ping, path: path)).status == 404)
        #expect(try rig.ask(RigText.post(Self.ping, path: "/servers/a" + duplex.address)).status == 202)
    }

    @Test(
        arguments: [
            ("{", [], 400), ("5", [], 400), (#"{"jsonrpc":"2.0"}"#, [], 400), (Self.ping, [("Content-Type", "text/plain")], 400),
            (Self.ping, [("Content-Type", nil)], 400), (Self.ping, [("Origin", "https://evil.example")], 403),
            (Self.ping, [("Host", "evil.example")], 403),
        ] as [(String, RigText.Headers, Int)])
    func `what is wrong with a POST is told in its response, not on the stream`(
        body: String, headers: RigText.Headers, status: Int
    ) throws {
        let rig = try Rig()
        let duplex = try RigDuplex(.eventStream, rig)
        #expect(try rig.ask(RigText.post(body, headers, path: duplex.address)).status == status)
        #expect(try duplex.messages().isEmpty)
    }

    @Test func `too large a message is refused`() throws {
        let rig = try Rig(.legacy, #""limits":{"body":"64K"}"#)
        let duplex = try RigDuplex(.eventStream, rig)
        let body = RigText.legacyBody("ping", params: #"{"x":"\#(String(repeating: "x", count: 70_000))"}"#)
        #expect(try rig.ask(RigText.post(body, path: duplex.address)).status == 413)
    }

    @Test func `other methods are refused by name`() throws {
        let rig = try Rig()
        let get = try rig.ask(RigText.request("GET", "/messages?session_id=x"))
        #expect(get.status == 405 && get["allow"] == "POST")
        let post = try rig.ask(RigText.post("{}", path: "/sse"))
        #expect(post.status == 405 && post["allow"] == "GET")
    }

    @Test func `the end of the stream ends the session`() throws {
        let rig = try Rig()
        let duplex = try RigDuplex(initialized: .eventStream, rig)
        duplex.call("1")
        duplex.client.end()
        #expect(rig.sessionCount == 0 && rig.callCount == 0)
        #expect(try rig.ask(RigText.post(Self.ping, path: duplex.address)).status == 404)
    }

    @Test func `an idle stream is kept alive by comments`() throws {
        let rig = try Rig(.legacy, #""limits":{"keepAlive":"10s"}"#)
        let duplex = try RigDuplex(initialized: .eventStream, rig)
        rig.advance(.seconds(35))
        #expect(try duplex.client.reply().comments == 3 && duplex.client.isOpen)
    }

    @Test func `answers that are not read hold back further messages`() throws {
        let rig = try Rig(.legacy, #""limits":{"streamQueue":"4096"}"#)
        let duplex = try RigDuplex(.eventStream, rig)
        duplex.client.window = 0
        var statuses: [Int] = []
        for _ in 0..<100 { statuses.append(try rig.ask(RigText.post(Self.ping, path: duplex.address)).status) }
        #expect(statuses.first == 202 && statuses.last == 429)
        duplex.client.take(1 << 20)
        #expect(try rig.ask(RigText.post(Self.ping, path: duplex.address)).status == 202)
    }

    @Test func `HTTP/1.0 gets its events without chunks`() throws {
        let rig = try Rig()
        let client = try rig.send(RigText.request("GET", "/sse", [("Accept", "text/event-stream")], version: "1.0"))
        #expect(try client.reply().text.hasPrefix("event: endpoint\ndata: /messages"))
    }

    @Test func `bytes behind the request for a stream end the connection`() throws {
        let rig = try Rig()
        let client = try rig.connect()
        client.send(RigText.request("GET", "/sse") + RigText.request("GET", "/health"))
        #expect(client.isClosed && rig.duplexCount == 0)
    }

    @Test func `a message needs the credential of its stream`() throws {
        let (one, two) = (FakeDigests.key("one", "s3cret"), FakeDigests.key("two", "s3cret"))
        let rig = try Rig(file: #"{"auth":{"required":true,"keys":"file:/k"},\#(Rig.Back.legacy.rawValue)}"#, keys: [one, two])
        func bearer(_ token: String?) -> RigText.Headers { [("Authorization", token.map { "Bearer \($0)" })] }
        let client = try rig.connect(credential: true)
        client.send(RigText.request("GET", "/sse", bearer("msk_one_s3cret")))
        let text = try client.reply().text
        let address = String(text.dropFirst("event: endpoint\ndata: ".count).prefix { $0 != "\n" })
        for (token, status) in [(nil, 401), ("msk_two_s3cret", 404), ("msk_one_s3cret", 202)] as [(String?, Int)] {
            let poster = try rig.connect(credential: true)
            poster.send(RigText.post(Self.ping, bearer(token), path: address))
            #expect(try poster.reply().status == status)
        }
    }
}
