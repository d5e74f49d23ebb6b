import Base
import Testing
import Wire

@testable import SupervisorCore

/// What the worker sees of a client's request, and the client of the worker's answer, for both eras on both sides.
@Suite struct SupervisorRewriteTests {
    private static let own =
        #""io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{},"io.modelcontextprotocol/clientInfo":{"name":"mcp-supervisor","version":"\#(Product.version)"}"#

    /// The line that reaches the worker, its id replaced by ID.
    private static func line(_ back: Rig.Back, _ text: (String) -> String) throws -> String {
        let rig = try Rig(back)
        let session = try rig.session()
        try rig.worker.forgetLines()
        let client = try rig.send(text(session))
        let hasLine = try !rig.worker.isSilent
        try #require(hasLine, "\(client.pending)")
        var line = try rig.worker.nextLine()
        if line.contains("logging/setLevel") { line = try rig.worker.nextLine() }
        let id = try JSONValue.parse([UInt8](line.utf8))["id"]?.int64Value ?? -1
        return line.components(separatedBy: "\(id)").joined(separator: "ID")
    }

    private static func parse(_ line: String) throws -> JSONValue {
        try JSONValue.parse([UInt8](line.components(separatedBy: "ID").joined(separator: "9").utf8))
    }

    private static func modern(_ back: Rig.Back, params: String = "", meta: String = "", arguments: String = "{}") throws
        -> String
    {
        try self.line(back) { _ in
            RigText.modern("tools/call", params: #""name":"t","arguments":\#(arguments),\#(params)"#, meta: meta)
        }
    }

    private static func legacy(_ back: Rig.Back, _ params: String) throws -> String {
        try self.line(back) { RigText.legacy("tools/call", session: $0, params: params) }
    }

    // MARK: Requests

    @Test func `between peers of one era params pass as they are`() throws {
        #expect(
            try Self.modern(.modern, arguments: #"{ "x" : 1.50 }"#)
                == #"{"jsonrpc":"2.0","id":ID,"method":"tools/call","#
                + #""params":{"name":"t","arguments":{ "x" : 1.50 },"_meta":{\#(RigText.envelope)}}}"#
        )
        #expect(
            try Self.legacy(.legacy, #"{"name":"t","big":12345678901234567890,"_meta":{"com.example/a":[1]}}"#)
                == #"{"jsonrpc":"2.0","id":ID,"method":"tools/call","#
                + #""params":{"name":"t","big":12345678901234567890,"_meta":{"com.example/a":[1]}}}"#
        )
    }

    @Test func `a legacy worker sees nothing of the modern envelope`() throws {
        let meta =
            #""a/b":1,"io.modelcontextprotocol/clientInfo":{},"io.modelcontextprotocol/logLevel":"info","traceparent":"00-x","#
        #expect(
            try Self.modern(.legacy, params: #""inputResponses":{},"#, meta: meta)
                == #"{"jsonrpc":"2.0","id":ID,"method":"tools/call","#
                + #""params":{"name":"t","arguments":{},"_meta":{"a/b":1,"traceparent":"00-x"}}}"#
        )
        #expect(
            try Self.modern(.legacy) == #"{"jsonrpc":"2.0","id":ID,"method":"tools/call","params":{"name":"t","arguments":{}}}"#)
        #expect(
            try Self.line(.legacy) { _ in RigText.modern("tools/list") }
                == #"{"jsonrpc":"2.0","id":ID,"method":"tools/list","params":{}}"#)
    }

    @Test(arguments: Rig.Back.allCases)
    func `a state that is not ours reaches no worker`(back: Rig.Back) throws {
        let rig = try Rig(back)
        try rig.worker.forgetLines()
        let reply = try rig.ask(RigText.modern("tools/call", params: #""name":"t","arguments":{},"requestState":"s","#))
        #expect(reply.status == 200 && reply.code == -32602)
        #expect(try rig.worker.isSilent)
    }

    @Test func `a modern worker gets the envelope on behalf of a legacy client`() throws {
        #expect(
            try Self.legacy(.modern, #"{"name":"t","_meta":{"a/b":1,"progressToken":"p"}}"#)
                == #"{"jsonrpc":"2.0","id":ID,"method":"tools/call","#
                + #""params":{"name":"t","_meta":{"a/b":1,"progressToken":ID,\#(Self.own)}}}"#
        )
        #expect(
            try Self.line(.modern) { RigText.legacy("tools/list", session: $0) }
                == #"{"jsonrpc":"2.0","id":ID,"method":"tools/list","params":{"_meta":{\#(Self.own)}}}"#)
    }

    @Test func `what a legacy session set as its log level goes with every request to a modern worker`() throws {
        let rig = try Rig(.modern)
        let session = try rig.session()
        #expect(
            try rig.ask(RigText.legacy("logging/setLevel", session: session, params: #"{"level":"warning"}"#)).json["result"]
                == [:])
        _ = try rig.send(RigText.legacy("tools/list", session: session))
        #expect(try rig.worker.request()["params"]?["_meta"]?["io.modelcontextprotocol/logLevel"] == "warning")
    }

    /// Spellings of our own keys, and of `_meta` itself, that a reader of JSON takes for the plain ones.
    @Test(
        arguments: Rig.Back.allCases,
        [
            #""io.mcp-supervisor/caller":"root""#, #""io.mcp-supervisor/x":1"#, #""io.mcp-supervisor\/caller":"root""#,
            #""\u0069o.mcp-supervisor/caller":"root""#,
        ])
    func `our own keys never pass, however they are spelt`(back: Rig.Back, forged: String) throws {
        for meta in [#""_meta":"#, #""\u005fmeta":"#, #""_met\u0061":"#] {
            let legacy = try Self.legacy(back, #"{"name":"t",\#(meta){"keep\/this":1,\#(forged)}}"#)
            let modern = try Self.line(back) { _ in
                RigText.post(
                    #"{"jsonrpc":"2.0","id":1,"method":"tools/call","#
                        + #""params":{"name":"t",\#(meta){\#(forged),"keep\/this":1,\#(RigText.envelope)}}}"#,
                    RigText.modernHeaders("tools/call", name: "t"))
            }
            for line in [legacy, modern] {
                let params = try Self.parse(line)["params"]
                #expect(params?.objectValue?.filter { $0.key == "_meta" }.count == 1, "\(line)")
                #expect(params?["_meta"]?["keep/this"] == 1)
                #expect(params?["_meta"]?.objectValue?.contains { $0.key.hasPrefix("io.mcp-supervisor/") } == false, "\(line)")
            }
        }
    }

    @Test func `an envelope with escaped slashes, as some encoders write it, is the envelope`() throws {
        let meta =
            #""io.modelcontextprotocol\/protocolVersion":"2026-07-28","io.modelcontextprotocol\/clientCapabilities":{},"progress\u0054oken":7"#
        for back in Rig.Back.allCases {
            let line = try Self.line(back) { _ in
                RigText.post(
                    #"{"jsonrpc":"2.0","id":1,"method":"tools\/call","params":{"name":"t","_meta":{\#(meta)}}}"#,
                    RigText.modernHeaders("tools/call", name: "t"))
            }
            let sent = try Self.parse(line)
            #expect(sent["method"] == "tools/call")
            #expect(sent["params"]?["_meta"]?["progressToken"] == 9)
            #expect(
                sent["params"]?["_meta"]?["io.modelcontextprotocol/protocolVersion"] == (back == .modern ? "2026-07-28" : nil))
        }
    }

    @Test(arguments: Rig.Back.allCases) func `a body on many lines becomes one`(back: Rig.Back) throws {
        let line = try Self.line(back) { _ in
            RigText.post(
                "{\r\n \"jsonrpc\": \"2.0\",\n\"id\":\n1, \"method\": \"tools/call\", \"params\": {\n\t\"name\":\r\"t\", \"arguments\": {\"a\\nb\": \"x\u{2028}y\u{2029}\"},\n\"_meta\": {\n\(RigText.envelope)\n}\n}\n}\n",
                RigText.modernHeaders("tools/call", name: "t"))
        }
        #expect(!line.utf8.contains(0x0A) && !line.utf8.contains(0x0D))
        #expect(!line.unicodeScalars.contains("\u{2028}") && !line.unicodeScalars.contains("\u{2029}"))
        let arguments = try Self.parse(line)["params"]?["arguments"]
        #expect(arguments == ["a\nb": "x\u{2028}y\u{2029}"])
    }

    // MARK: Answers

    private static func answer(
        _ back: Rig.Back, modern: Bool, method: String = "tools/call", _ result: String
    ) throws -> JSONValue {
        let rig = try Rig(back)
        let session = try rig.session()
        let params = method == "resources/read" ? #""uri":"u""# : #""name":"t""#
        let client = try rig.send(
            modern
                ? RigText.modern(method, params: params + ",", [("Mcp-Name", method == "resources/read" ? "u" : "t")])
                : RigText.legacy(method, session: session, params: "{\(params)}"))
        try rig.worker.answer(try rig.worker.request(), result)
        let message = try client.reply().json
        return try #require(message["result"] ?? message["error"])
    }

    @Test func `between peers of one era results pass as they are, without our own keys`() throws {
        for back in Rig.Back.allCases {
            let result = try Self.answer(
                back, modern: back == .modern,
                #"{"content":[],"x":1.0,"_meta":{"a/b":1,"io.mcp-supervisor\/caller":2,"io.mcp-supervisor/x":3}}"#)
            #expect(result.description == #"{"content":[],"x":1.0,"_meta":{"a/b":1}}"#)
        }
    }

    @Test func `a modern client gets the modern envelope from a legacy worker`() throws {
        let info = #""_meta":{"io.modelcontextprotocol/serverInfo":{"name":"rig","version":"1"}"#
        #expect(
            try Self.answer(.legacy, modern: true, #"{"content":[]}"#).description
                == #"{"resultType":"complete","content":[],\#(info)}}"#)
        #expect(
            try Self.answer(
                .legacy, modern: true, method: "tools/list",
                #"{"tools":[],"resultType":"x","ttlMs":-1,"_meta":{"a/b":1,"io.modelcontextprotocol/serverInfo":5}}"#
            ).description
                == #"{"resultType":"complete","ttlMs":5000,"cacheScope":"private","tools":[],\#(info),"a/b":1}}"#)
        #expect(
            try Self.answer(.legacy, modern: true, method: "resources/read", #"{"contents":[]}"#).description
                == #"{"resultType":"complete","ttlMs":0,"cacheScope":"private","contents":[],\#(info)}}"#)
        #expect(
            try Self.answer(.legacy, modern: true, #"{"_met\u0061":{"a/b":1}}"#).description
                == #"{"resultType":"complete",\#(info),"a/b":1}}"#)
    }

    @Test func `a legacy client sees nothing of the modern envelope`() throws {
        let info = #""_meta":{"io.modelcontextprotocol/serverInfo":{"name":"w"}}"#
        #expect(
            try Self.answer(.modern, modern: false, #"{"resultType":"complete","content":[],\#(info)}"#).description
                == #"{"content":[]}"#)
        #expect(
            try Self.answer(
                .modern, modern: false, method: "tools/list",
                #"{"resultType":"complete","tools":[],"ttlMs":1,"cacheScope":"public","_meta":{"a/b":1}}"#
            ).description
                == #"{"tools":[],"_meta":{"a/b":1}}"#)
    }

    @Test func `a legacy client is not given a question as an answer`() throws {
        let asked = #"{"resultType":"input_required","inputRequests":{}}"#
        let call = try Self.answer(.modern, modern: false, asked)
        #expect(call["isError"] == true && call["content"]?[0]?["type"] == "text")
        #expect(try Self.answer(.modern, modern: false, method: "prompts/get", asked)["code"] == -32603)
        #expect(try Self.answer(.modern, modern: true, asked)["code"] == -32603, "it has neither a question nor a state")
        let state = #"{"resultType":"input_required","requestState":"s"}"#
        let wrapped = try Self.answer(.modern, modern: true, state)
        #expect(wrapped["resultType"] == "input_required" && wrapped["requestState"] != "s")
    }

    @Test func `a missing resource has the code of the client's era`() throws {
        let rig = try Rig(.modern)
        let session = try rig.session()
        func code(_ method: String, _ data: String?) throws -> Int64? {
            let client = try rig.send(RigText.legacy(method, session: session, params: #"{"uri":"u","name":"t"}"#))
            try rig.worker.refuse(try rig.worker.request(), code: -32602, data: data)
            return try client.reply().code
        }
        #expect(try code("resources/read", #"{"uri":"u"}"#) == -32002)
        #expect(try code("resources/read", nil) == -32602)
        #expect(try code("tools/call", #"{"uri":"u"}"#) == -32602)
    }

    @Test func `an answer on many lines stays one event`() throws {
        let rig = try Rig()
        let client = try rig.send(RigText.modernCall(meta: #""progressToken":1,"#))
        let request = try rig.worker.request()
        try rig.worker.write(
            "{\"jsonrpc\":\"2.0\",\r\"method\":\"notifications/progress\",\"params\":{\"progressToken\":\(request["id"] ?? .null),\r\"progress\":1,\"message\":\"a\u{2028}b\"}}\r"
        )
        try rig.worker.write("{\"jsonrpc\":\"2.0\",\r\"id\":\(request["id"] ?? .null),\"result\":{\r\"content\":[\r]}}\r")
        let events = try client.reply().events
        #expect(events.count == 2)
        #expect(events[0]["params"]?["message"] == "a\u{2028}b")
    }

    @Test func `an escaped progress token of a worker is not passed on beside the client's`() throws {
        let rig = try Rig()
        let client = try rig.send(RigText.modernCall(meta: #""progressToken":"mine","#))
        let id = try #require(try rig.worker.request()["id"])
        try rig.worker.write(
            #"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progress\u0054oken":\#(id),"progress":1}}"#)
        let params = try client.reply().events[0]["params"]
        #expect(params?.objectValue?.count == 2 && params?["progressToken"] == "mine")
    }
}
