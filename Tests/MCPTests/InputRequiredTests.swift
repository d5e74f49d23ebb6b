import Base
import MCP
import Testing
import Wire

@Suite struct InputRequiredTests {
    private static func read(_ result: String) throws -> InputRequired {
        let object = try JSONObject(result)
        return try InputRequired(object.members, in: object.bytes.span)
    }

    private static let roots = #"{"method":"roots/list"}"#

    @Test func `questions and state of a worker are read`() throws {
        let result =
            #"{"resultType":"input_required","inputRequests":{"b":\#(Self.roots),"\u0061":\#(Self.roots)},"requestState":"s\/"}"#
        let required = try Self.read(result)
        #expect(required.questions.map { text($0.key) } == ["b", "a"])
        #expect(required.requestState == [UInt8]("s/".utf8))
        #expect(required.needs == .roots)
        #expect(try Self.read(#"{"requestState":""}"#) == InputRequired(questions: [], requestState: []))
        #expect(try Self.read(#"{"inputRequests":{"a":\#(Self.roots)}}"#).requestState == nil)
    }

    @Test(arguments: [
        (#"{"resultType":"input_required"}"#, true), (#"{"resultType":"input\u005frequired"}"#, true),
        (#"{"resultType":"complete"}"#, false), (#"{"resultType":"task"}"#, false), ("{}", false),
        (#"{"resultType":null}"#, false),
    ])
    func `the type of the result tells`(result: String, isOne: Bool) throws {
        let object = try JSONObject(result)
        #expect(InputRequired.isOne(object.members, in: object.bytes.span) == isOne)
    }

    @Test(arguments: [
        ("{}", InputRequiredRefusal.empty), (#"{"inputRequests":{}}"#, .empty), (#"{"inputRequests":[]}"#, .requestsNotObject),
        (#"{"inputRequests":null,"requestState":"s"}"#, .requestsNotObject), (#"{"requestState":null}"#, .stateNotString),
        (#"{"requestState":{}}"#, .stateNotString),
        (#"{"inputRequests":{"a":\#(roots),"\u0061":\#(roots)}}"#, .malformed(.duplicateKey)),
        (#"{"inputRequests":{"a":1}}"#, .request(.notObject)),
        (#"{"inputRequests":{"a":{"method":"ping"}}}"#, .request(.notInput)),
        (#"{"inputRequests":{\#((0...16).map { "\"\($0)\":\(roots)" }.joined(separator: ","))}}"#, .tooMany),
        (#"{"inputRequests":{"\#(String(repeating: "k", count: 257))":\#(roots)}}"#, .keyTooLong),
        (#"{"requestState":"\#(String(repeating: "s", count: 1 << 16 + 1))"}"#, .stateTooLong),
    ])
    func `a worker that breaks the protocol is found out`(result: String, refusal: InputRequiredRefusal) {
        #expect(throws: refusal) { try Self.read(result) }
        #expect(!refusal.reason.isEmpty)
    }

    @Test func `as many questions as are allowed pass`() throws {
        let requests = (0..<16).map { "\"\($0)\":\(Self.roots)" }.joined(separator: ",")
        let result = #"{"inputRequests":{\#(requests)}}"#
        #expect(try Self.read(result).questions.count == 16)
    }

    // MARK: Writing

    private static func written(
        _ required: InputRequired, _ capabilities: ClientCapabilities = .all, serverInfo: String = ""
    ) -> String {
        var output = [UInt8](">".utf8)
        do throws(InputImpossible) {
            try required.appendResult(for: capabilities, serverInfo: [UInt8](serverInfo.utf8).span, to: &output)
        } catch {
            #expect(text(output) == ">")
            return error.reason
        }
        return text(output)
    }

    @Test func `a modern client gets questions, state and who asks`() throws {
        let question = InputRequired.Question(key: [UInt8](#"k"1"#.utf8), request: try InputRequestTests.value(Self.roots))
        #expect(
            Self.written(InputRequired(questions: [question], requestState: [UInt8]("st".utf8)), serverInfo: #"{"name":"w"}"#)
                == #">{"resultType":"input_required","inputRequests":{"k\"1":{"method":"roots/list"}},"requestState":"st","#
                + #""_meta":{"io.modelcontextprotocol/serverInfo":{"name":"w"}}}"#)
        #expect(
            Self.written(InputRequired(questions: [], requestState: [UInt8]("st".utf8)))
                == #">{"resultType":"input_required","requestState":"st"}"#)
        #expect(
            Self.written(InputRequired(questions: [question, question], requestState: nil), .sampling)
                == "the client does not support roots")
    }

    @Test func `what is written reads as the same`() throws {
        let form = #"{"method":"elicitation/create","params":\#(InputRequestTests.form)}"#
        let required = try Self.read(#"{"inputRequests":{"a":\#(form),"b":\#(Self.roots)},"requestState":"\u2028\n"}"#)
        #expect(try Self.read(String(Self.written(required).dropFirst())) == required)
    }

    // MARK: Asking again

    private static func retry(_ params: String, _ answers: [(String, String)], state: String?, meta: String = "") throws -> String
    {
        let object = try JSONObject(params)
        var output: [UInt8] = []
        InputRequired.appendRetryParams(
            object.bytes.span, object.members, of: object.range,
            answers: answers.map { .init(key: [UInt8]($0.utf8), value: [UInt8]($1.utf8)) },
            requestState: state.map { [UInt8]($0.utf8) }, meta: [UInt8](meta.utf8).span, to: &output)
        return text(output)
    }

    @Test func `each round carries its own answers and state only`() throws {
        let params =
            #"{"inputResponses":{"old":{}},"name":"t","arguments":{"x":1.50},"requestState":"old","_meta":{"progressToken":1}}"#
        #expect(
            try Self.retry(
                params, [("a", #"{"action":"decline"}"#), ("b", "{}")], state: #"n"ew"#, meta: #"{"progressToken":2}"#)
                == #"{"inputResponses":{"a":{"action":"decline"},"b":{}},"requestState":"n\"ew","_meta":{"progressToken":2},"#
                + #""name":"t","arguments":{"x":1.50}}"#)
        #expect(try Self.retry(params, [], state: nil) == #"{"name":"t","arguments":{"x":1.50},"_meta":{"progressToken":1}}"#)
        #expect(try Self.retry("{}", [], state: "s") == #"{"requestState":"s"}"#)
        #expect(try Self.retry("{}", [], state: nil, meta: "{}") == #"{"_meta":{}}"#)
    }

    // MARK: Error -32042

    private static func elicitations(_ data: String) -> InputRequired? {
        let bytes = [UInt8](data.utf8)
        return InputRequired(urlElicitationData: ByteRange(0, bytes.count), in: bytes.span)
    }

    @Test func `the URLs of error -32042 become questions`() throws {
        let data = """
            {"elicitations":[{"mode":"url","url":"https://a.example/","message":"A","elicitationId":"1"},{"mode":"form"},\
            {"url":"https://b.example/"},{"mode":"url","url":""},7]}
            """
        let required = try #require(Self.elicitations(data))
        #expect(required.questions.map { text($0.key) } == ["url-1", "url-2"])
        #expect(required.needs == .elicitationURL)
        #expect(
            Self.written(required)
                == #">{"resultType":"input_required","inputRequests":{"#
                + #""url-1":{"method":"elicitation/create","params":{"mode":"url","message":"A","url":"https://a.example/"}},"#
                + #""url-2":{"method":"elicitation/create","params":{"mode":"url","message":"","url":"https://b.example/"}}}}"#)
        #expect(
            required.standInText(because: InputImpossible.missing(.elicitationURL).reason)
                == """
                The server needs further input, but the client does not support elicitation.url.
                A
                https://a.example/

                https://b.example/
                """)
    }

    @Test func `a client of an older revision is told what it would have been asked`() throws {
        let data = #"{"elicitations":[{"mode":"url","url":"https://a.example/","message":"Sign in"}]}"#
        let required = try #require(Self.elicitations(data))
        func standIn(_ method: MCPMethod) -> String {
            var output: [UInt8] = []
            required.appendStandIn(for: method, because: InputImpossible.inexpressible("elicitation by URL").reason, to: &output)
            return text(output)
        }
        let message = """
            "The server needs further input, but the client's protocol revision does not allow elicitation by URL.\\nSign in\\nhttps://a.example/"
            """
        #expect(standIn(.toolsCall) == #""result":{"content":[{"type":"text","text":\#(message)}],"isError":true}"#)
        #expect(standIn(.resourcesRead) == #""error":{"code":-32603,"message":\#(message)}"#)
    }

    @Test(arguments: [
        "{}", "null", #"{"elicitations":[]}"#, #"{"elicitations":{}}"#, #"{"elicitations":[{"mode":"form","url":"x"}]}"#, "{",
    ])
    func `error -32042 without a URL is an error like any other`(data: String) {
        #expect(Self.elicitations(data) == nil)
        #expect(InputRequired(urlElicitationData: nil, in: Span()) == nil)
    }

    @Test func `not more URLs are shown than questions are allowed`() {
        let one = #"{"mode":"url","url":"u:","message":"m"}"#
        let data = #"{"elicitations":[\#([String](repeating: one, count: 40).joined(separator: ","))]}"#
        #expect(Self.elicitations(data)?.questions.count == InputRequired.questionsMax)
    }
}
