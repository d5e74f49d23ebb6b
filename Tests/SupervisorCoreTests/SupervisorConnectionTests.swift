import Base
import Testing
import Wire

@testable import SupervisorCore

/// One HTTP connection: framing, timers, pipelining, how it ends, and what greedy clients cost.
@Suite struct SupervisorConnectionTests {
    private static let health = RigText.request("GET", "/health")

    // MARK: Persistence

    @Test func `a POST without a length ends its connection, for what follows may be its body`() throws {
        let rig = try Rig()
        let text = RigText.request("POST", "/mcp", [("Content-Type", "application/json")])
        let client = try rig.send(text + "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(try client.reply().status == 400)
        #expect(!client.hasReply)
    }

    @Test func `a connection is kept between requests until it is idle too long`() throws {
        let rig = try Rig()
        let client = try rig.connect()
        for _ in 0..<3 {
            client.send(Self.health)
            #expect(try client.reply().keepsAlive)
            rig.advance(.seconds(74))
        }
        #expect(client.isOpen)
        rig.advance(.seconds(1))
        #expect(client.isClosed)
    }

    @Test func `a client that says close is answered and shut`() throws {
        let rig = try Rig()
        let client = try rig.connect()
        client.closesWhenShut = false
        client.send(RigText.request("GET", "/health", [("Connection", "close")]))
        #expect(try !client.reply().keepsAlive)
        #expect(client.isShut && !client.isClosed)
        client.send(Self.health)
        #expect(!client.hasReply)
        rig.advance(.seconds(2))
        #expect(client.isClosed)
    }

    @Test func `the last allowed request of a connection says so`() throws {
        let rig = try Rig(.legacy, #""limits":{"requestsPerConnection":3}"#)
        let client = try rig.connect()
        for isLast in [false, false, true] {
            client.send(Self.health)
            #expect(try client.reply().keepsAlive != isLast)
        }
        #expect(client.isShut)
    }

    @Test func `an old connection ends with its next answer`() throws {
        let rig = try Rig(.legacy, #""limits":{"connectionAge":"1m"}"#)
        let client = try rig.connect()
        rig.advance(.seconds(9))
        client.send(Self.health)
        #expect(try client.reply().keepsAlive)
        rig.advance(.seconds(51))
        client.send(Self.health)
        #expect(try !client.reply().keepsAlive)
        #expect(client.isShut)
    }

    @Test func `a client that shut its side after Connection close gets its answer, others have gone`() throws {
        for (headers, isAnswered) in [([("Connection", "close")], true), ([], false)] as [(RigText.Headers, Bool)] {
            let rig = try Rig()
            let client = try rig.send(RigText.modernCall(meta: #""progressToken":1,"#, headers))
            let request = try rig.worker.request()
            client.end()
            #expect(client.isClosed != isAnswered)
            guard isAnswered else {
                #expect(try rig.worker.next()["method"] == "notifications/cancelled")
                continue
            }
            try rig.worker.progress(request)
            client.end()
            try rig.worker.answer(request)
            #expect(try client.reply().events.count == 2)
            #expect(client.isClosed)
        }
    }

    @Test func `an answer on its way still goes to a client that shut its side`() throws {
        let rig = try Rig()
        let client = try rig.connect()
        client.window = 5
        client.send(Self.health)
        client.end()
        #expect(!client.isClosed)
        client.take(10_000)
        #expect(try client.reply().status == 200)
        #expect(client.isClosed)
    }

    @Test func `HTTP 1 point 0 is closed after its answer unless it asked to be kept`() throws {
        let rig = try Rig()
        let plain = try rig.connect()
        plain.send(RigText.request("GET", "/health", version: "1.0"))
        #expect(try !plain.reply().keepsAlive)
        #expect(plain.isClosed)
        let kept = try rig.connect()
        for _ in 0..<2 {
            kept.send(RigText.request("GET", "/health", [("Connection", "keep-alive")], version: "1.0"))
            #expect(try kept.reply()["connection"] == "keep-alive")
        }
        #expect(kept.isOpen)
    }

    @Test(arguments: ["close", "keep-alive"]) func `an HTTP 1 point 0 stream ends with the connection`(option: String) throws {
        let rig = try Rig()
        let client = try rig.connect()
        let body = RigText.modernBody("tools/call", params: #""name":"t","#, meta: #""progressToken":1,"#)
        client.send(
            RigText.post(body, RigText.modernHeaders("tools/call", name: "t") + [("Connection", option)], version: "1.0"))
        let request = try rig.worker.request()
        try rig.worker.progress(request)
        #expect(try client.reply()["transfer-encoding"] == nil)
        #expect(try client.reply()["connection"] == "close")
        try rig.worker.answer(request)
        #expect(client.isClosed)
        #expect(try client.reply().events.count == 2)
    }

    @Test func `a cancelled HTTP 1 point 0 stream ends too`() throws {
        let rig = try Rig()
        let session = try rig.session()
        let client = try rig.send(
            RigText.post(
                RigText.legacyBody("tools/call", params: #"{"name":"t"}"#), [("Mcp-Session-Id", session)], version: "1.0"))
        _ = try rig.ask(RigText.legacy("notifications/cancelled", session: session, id: nil, params: #"{"requestId":1}"#))
        #expect(try client.reply().isComplete)
        #expect(client.isClosed)
    }

    @Test func `HEAD has the length and no body`() throws {
        let rig = try Rig()
        let client = try rig.connect()
        client.send(RigText.request("HEAD", "/health"))
        let reply = try client.reply(toHead: true)
        #expect(reply.status == 200 && (Int(reply["content-length"] ?? "") ?? 0) > 50)
        #expect(!client.hasReply)
        client.send(Self.health)
        #expect(try client.reply().status == 200)
    }

    // MARK: Bodies

    @Test func `a request may come byte by byte, and its body in chunks`() throws {
        let rig = try Rig()
        let slow = try rig.connect()
        slow.sendByteByByte(RigText.modernCall())
        let chunked = try rig.connect()
        let body = RigText.modernBody("tools/call", params: #""name":"t","#)
        chunked.send(
            RigText.request(
                "POST", "/mcp",
                RigText.modernHeaders("tools/call", name: "t") + [
                    ("Content-Type", "application/json"), ("Transfer-Encoding", "chunked"),
                ]))
        for byte in body.utf8 { chunked.send("1\r\n\(Character(UnicodeScalar(byte)))\r\n") }
        #expect(!chunked.hasReply)
        chunked.send("0\r\nTrailer: dropped\r\n\r\n")
        for client in [slow, chunked] {
            try rig.worker.answer(try rig.worker.request())
            #expect(try client.reply().status == 200)
            #expect(client.isOpen)
        }
    }

    @Test func `100 Continue is sent once the head has passed every check, and not before`() throws {
        let rig = try Rig()
        let body = RigText.modernBody("tools/call", params: #""name":"t","#)
        let headers =
            RigText.modernHeaders("tools/call", name: "t") + [
                ("Expect", "100-continue"), ("Content-Length", "\(body.utf8.count)"), ("Content-Type", "application/json"),
            ]
        let client = try rig.connect()
        client.send(RigText.request("POST", "/mcp", headers))
        #expect(try client.reply().status == 100)
        client.send(body)
        try rig.worker.answer(try rig.worker.request())
        #expect(try client.reply().status == 200)
        #expect(client.isOpen)
        let refused = try rig.connect()
        refused.send(RigText.request("POST", "/mcp", headers + [("Origin", "https://evil.example")]))
        let reply = try refused.reply()
        #expect(reply.status == 403 && !reply.keepsAlive)
        #expect(refused.isShut)
    }

    @Test(arguments: [(0, true), (1, true), (65_536, true), (65_537, false)])
    func `the body of a refused request is skipped when it is short`(length: Int, isKept: Bool) throws {
        let rig = try Rig()
        let client = try rig.connect()
        client.closesWhenShut = false
        client.send(RigText.post(String(repeating: "x", count: length), [("Origin", "https://evil.example")]))
        let reply = try client.reply()
        #expect(reply.status == 403 && reply.keepsAlive == isKept)
        #expect(client.isShut != isKept)
        client.send(Self.health)
        #expect(client.hasReply == isKept)
    }

    @Test func `a refused request with a chunked body costs its connection`() throws {
        let rig = try Rig()
        let client = try rig.connect()
        client.send(
            RigText.request("POST", "/mcp", [("Origin", "https://evil.example"), ("Transfer-Encoding", "chunked")])
                + "5\r\nhello\r\n0\r\n\r\n")
        #expect(try client.reply().status == 403)
        #expect(client.isShut)
    }

    @Test(arguments: [
        ("GET / HTTP/1.1\r\nHost: a\n\r\n", 400), ("GET / HTTP/2.0\r\n\r\n", 505), ("BREW / HTTP/1.1\r\n\r\n", 501),
        ("TRACE /mcp HTTP/1.1\r\nHost: localhost\r\n\r\n", 405), ("POST /mcp HTTP/1.1\r\n\r\n", 400),
        ("POST /mcp HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        ("GET /\(String(repeating: "a", count: 5_000)) HTTP/1.1\r\n", 414),
        ("GET / HTTP/1.1\r\nX: \(String(repeating: "a", count: 9_000))", 431),
        (
            "POST /mcp HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\nContent-Type: application/json\r\nContent-Length: 99999999\r\n\r\n",
            413
        ),
        (
            "POST /mcp HTTP/1.1\r\nHost: localhost\r\nAccept: application/json, text/event-stream\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\n",
            415
        ),
        (
            "POST /mcp HTTP/1.1\r\nHost: localhost\r\nAccept: application/json, text/event-stream\r\nContent-Type: application/json\r\nExpect: magic\r\nContent-Length: 1\r\n\r\n",
            417
        ),
    ])
    func `what cannot be framed is refused with a JSON-RPC body and the connection ends`(text: String, status: Int) throws {
        let rig = try Rig()
        let client = try rig.send(text)
        let reply = try client.reply()
        #expect(reply.status == status && !reply.keepsAlive)
        #expect(reply.code == -32600 && reply.json["id"] == nil)
        #expect((reply["allow"] != nil) == (status == 405))
        #expect(client.isShut)
    }

    @Test func `a chunked body that grows too large is refused in the middle`() throws {
        let rig = try Rig(.legacy, #""limits":{"body":"1K"}"#)
        let client = try rig.connect()
        client.send(RigText.request("POST", "/mcp", [("Content-Type", "application/json"), ("Transfer-Encoding", "chunked")]))
        client.send("200\r\n\(String(repeating: " ", count: 512))\r\n")
        #expect(!client.hasReply)
        client.send("201\r\n")
        let reply = try client.reply()
        #expect(reply.status == 413 && reply.code == -32600)
        #expect(client.isShut)
    }

    // MARK: Slow requests

    @Test func `a new connection that sends nothing is closed without a word`() throws {
        let rig = try Rig()
        let client = try rig.connect()
        rig.advance(.seconds(10))
        #expect(client.isClosed && !client.hasReply)
    }

    @Test func `a head has ten seconds from its first byte`() throws {
        let rig = try Rig()
        let client = try rig.connect()
        client.send(RigText.request("HEAD", "/health"))
        _ = try client.reply(toHead: true)
        rig.advance(.seconds(20))
        client.send("G")
        for byte in "ET /h".utf8 {
            rig.advance(.milliseconds(1_999))
            client.send([byte])
        }
        #expect(!client.hasReply)
        rig.advance(.milliseconds(10))
        let reply = try client.reply()
        #expect(reply.status == 408 && reply.code == -32600 && !reply.keepsAlive)
        #expect(client.isShut)
    }

    @Test func `a body may pause no longer than bodyIdleTimeout`() throws {
        let rig = try Rig()
        let body = RigText.post(String(repeating: " ", count: 200_000))
        let steady = try rig.send(body.prefix(100_000).description)
        rig.advance(.milliseconds(14_900))
        steady.send(" ")
        rig.advance(.milliseconds(14_900))
        #expect(!steady.hasReply)
        let stalled = try rig.send(body.prefix(100_000).description)
        rig.advance(.milliseconds(14_999))
        #expect(!stalled.hasReply)
        rig.advance(.milliseconds(1))
        #expect(try stalled.reply().status == 408)
    }

    @Test func `a body must reach the least rate once its grace has passed`() throws {
        let rig = try Rig()
        let client = try rig.connect()
        client.send(RigText.request("POST", "/mcp", [("Content-Type", "application/json"), ("Content-Length", "40000")]) + "x")
        for _ in 0..<9 {
            rig.advance(.seconds(1))
            client.send("x")
        }
        #expect(!client.hasReply)
        rig.advance(.seconds(1))
        #expect(try client.reply().status == 408)
        let fast = try rig.connect()
        fast.send(RigText.request("POST", "/mcp", [("Content-Type", "application/json"), ("Content-Length", "40000")]) + "x")
        for _ in 0..<29 {
            rig.advance(.seconds(1))
            fast.send(String(repeating: "x", count: 1_200))
        }
        #expect(!fast.hasReply)
        rig.advance(.seconds(1))
        #expect(try fast.reply().status == 408, "bodyTimeout ends it all the same")
    }

    // MARK: Pipelining

    @Test func `pipelined requests are answered in order`() throws {
        let rig = try Rig()
        let client = try rig.connect()
        client.send(RigText.modernCall(id: "1") + Self.health + RigText.modernCall(id: "2") + Self.health)
        let first = try rig.worker.request()
        #expect(try rig.worker.isSilent && !client.hasReply)
        try rig.worker.answer(first)
        #expect(try client.reply().json["id"] == 1)
        #expect(try client.reply().json["status"] == "healthy")
        try rig.worker.answer(try rig.worker.request())
        #expect(try client.reply().json["id"] == 2)
        #expect(try client.reply().json["status"] == "healthy")
    }

    @Test func `requests behind one whose worker died are answered at once`() throws {
        let rig = try Rig()
        let client = try rig.connect()
        client.send(RigText.modernCall(id: "1") + Self.health)
        try rig.worker.die()
        #expect(try client.reply().code == -32603)
        #expect(try client.reply().status == 200)
    }

    @Test func `a client that pipelines too far ahead is paused and resumed`() throws {
        let rig = try Rig()
        let client = try rig.connect()
        client.send(RigText.modernCall())
        for _ in 0..<400 { client.send(Self.health) }
        while !client.isPaused { client.send(Self.health) }
        #expect(rig.machine.connections[client.key].input.count <= 66_000)
        try rig.worker.answer(try rig.worker.request())
        #expect(!client.isPaused)
        #expect(try client.reply().json["id"] == 1)
        #expect(try client.reply().json["status"] == "healthy")
    }

    @Test func `a large request behind another is read on once it is its turn`() throws {
        let rig = try Rig()
        let client = try rig.connect()
        client.send(RigText.modernCall(id: "1"))
        let large = RigText.modernCall(id: "2", arguments: #"{"a":"\#(String(repeating: "x", count: 300_000))"}"#)
        let bytes = [UInt8](large.utf8)
        client.send([UInt8](bytes[..<100_000]))
        #expect(client.isPaused)
        try rig.worker.answer(try rig.worker.request())
        #expect(!client.isPaused)
        client.send([UInt8](bytes[100_000...]))
        try rig.worker.answer(try rig.worker.request())
        #expect(try client.reply().json["id"] == 1)
        #expect(try client.reply().json["id"] == 2)
    }

    @Test func `answers do not pile up for a client that asks and does not read`() throws {
        let rig = try Rig(.legacy, #""limits":{"streamQueue":"4K"}"#)
        let client = try rig.connect()
        client.window = 0
        for _ in 0..<1_000 where !client.isPaused { client.send(Self.health) }
        #expect(client.isPaused)
        #expect(rig.machine.connections[client.key].output.count < 6_000)
        var replies = 0
        client.take(10_000_000)
        while client.hasReply {
            #expect(try client.reply().status == 200)
            replies += 1
        }
        #expect(replies > 500)
        #expect(!client.isPaused)
    }

    // MARK: Table of connections

    @Test func `accepting pauses while every connection is in use`() throws {
        let rig = try Rig(.legacy, #""limits":{"connections":2}"#)
        let first = try rig.connect()
        #expect(rig.count(.pauseAccepting) == 0)
        let second = try rig.connect()
        #expect(rig.count(.pauseAccepting) == 1)
        #expect(rig.connectIfPossible() == nil)
        first.end()
        #expect(rig.count(.resumeAccepting) == 1)
        second.end()
        #expect(rig.count(.resumeAccepting) == 1)
        _ = try rig.connect()
        _ = try rig.connect()
        #expect(rig.count(.pauseAccepting) == 2)
    }

    @Test func `a distant source has a limit of its own`() throws {
        let rig = try Rig(.legacy, #""limits":{"connectionsPerSource":2}"#)
        let first = try rig.connect(from: .distant)
        _ = try rig.connect(from: .distant)
        #expect(rig.connectIfPossible(from: .distant) == nil)
        _ = try rig.connect(from: PeerAddress(network: 0xC633_6402))
        first.end()
        _ = try rig.connect(from: .distant)
        #expect(rig.connectIfPossible(from: .distant) == nil)
        for peer in [
            PeerAddress.loopback, PeerAddress(network: 0x7F12_3456), PeerAddress(network: 0),
            PeerAddress(network: 7, isUnix: true),
        ] {
            for _ in 0..<5 { _ = try rig.connect(from: peer) }
        }
        #expect(rig.connectionCount == 23)
    }

    // MARK: Browsers and credentials

    @Test func `CORS answers only pages that are listed`() throws {
        let rig = try Rig(.legacy, #""cors":{"origins":["https://app.example"]}"#)
        let preflight = try rig.ask(
            RigText.request(
                "OPTIONS", "/mcp",
                [
                    ("Origin", "https://app.example"), ("Access-Control-Request-Method", "POST"),
                    ("Access-Control-Request-Headers", "content-type, mcp-param-region"),
                ]))
        #expect(preflight.status == 204 && preflight["content-length"] == nil && preflight.body.isEmpty)
        #expect(preflight["access-control-allow-origin"] == "https://app.example")
        #expect(preflight["access-control-allow-headers"]?.contains("mcp-param-region") == true)
        let answer = try rig.ask(RigText.modern("server/discover", [("Origin", "https://app.example")]))
        #expect(answer["access-control-allow-origin"] == "https://app.example" && answer["vary"] == "Origin")
        #expect(answer["access-control-expose-headers"]?.contains("MCP-Session-Id") == true)
        let foreign = try rig.ask(RigText.request("OPTIONS", "/mcp", [("Origin", "https://evil.example")]))
        #expect(foreign.status == 403 && foreign["access-control-allow-origin"] == nil)
        #expect(try rig.ask(RigText.modern("server/discover"))["access-control-allow-origin"] == nil)
    }

    private static let guarded =
        #"{"listen":["0.0.0.0:8000"],"auth":{"keys":"file:/k"},"hosts":["127.0.0.1"],\#(Rig.Back.legacy.rawValue)}"#

    @Test func `off loopback every endpoint but health needs a credential`() throws {
        let rig = try Rig(file: Self.guarded, keys: [FakeDigests.key("k", "s")])
        func ask(_ text: String) throws -> RigReply {
            let client = try rig.connect(from: .distant, credential: true)
            client.send(text)
            return try client.reply()
        }
        for path in ["/mcp", "/servers/only/mcp", "/none"] {
            let reply = try ask(RigText.post(RigText.legacyBody("ping"), path: path))
            #expect(reply.status == 401 && reply["www-authenticate"]?.hasPrefix("Bearer") == true)
            #expect(reply.json["error"] == "invalid_token")
        }
        #expect(try ask(RigText.request("GET", "/health")).status == 200)
        #expect(try ask(RigText.request("GET", "/ready")).status == 200)
        #expect(try ask(RigText.modern("server/discover", [("Authorization", "Bearer msk_k_s")])).status == 200)
        #expect(try ask(RigText.request("POST", "/mcp?access_token=msk_k_s", body: "{}")).status == 400)
        #expect(try ask(RigText.request("POST", "/none", [("Authorization", "Bearer msk_k_s")], body: "{}")).status == 404)
    }

    @Test func `a source that guesses is refused for a while, and only that one`() throws {
        let rig = try Rig(file: Self.guarded, keys: [FakeDigests.key("k", "s")])
        func ask(_ token: String, from peer: PeerAddress) throws -> RigReply {
            let client = try rig.connect(from: peer, credential: true)
            client.send(RigText.modern("server/discover", [("Authorization", "Bearer \(token)")]))
            return try client.reply()
        }
        for _ in 0..<3 { #expect(try ask("msk_k_wrong", from: .distant).status == 401) }
        let refused = try ask("msk_k_s", from: .distant)
        #expect(refused.status == 429 && refused["retry-after"] == "15")
        #expect(try ask("msk_k_s", from: PeerAddress(network: 0xC633_6499)).status == 200)
        rig.advance(.seconds(15))
        #expect(try ask("msk_k_s", from: .distant).status == 200)
    }
}
