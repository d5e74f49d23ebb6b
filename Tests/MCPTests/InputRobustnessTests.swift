import Base
import MCP
import Testing
import Wire

/// Whatever a client or a worker sends, reading it ends with a value or an error.
@Suite struct InputRobustnessTests {
    private static let texts = [
        #"{"elicitation":{"form":{},"url":{}},"sampling":{"tools":{},"context":{}},"roots":{"listChanged":true}}"#,
        #"{"message":"m","mode":"form","requestedSchema":{"type":"object","properties":{"p":"#
            + #"{"oneOf":[{"const":"a","title":"A"}]}},"required":["p"]}}"#,
        #"{"messages":[{"role":"user","content":[{"type":"tool_use"},{"type":"audio"}]}],"#
            + #""maxTokens":1e3,"includeContext":"none"}"#,
        #"{"method":"elicitation/create","params":{"mode":"url","message":"m","url":"u:","_meta":{"progressToken":1}}}"#,
        #"{"resultType":"input_required","inputRequests":{"a":{"method":"roots/list"}},"requestState":"s"}"#,
        #"{"action":"accept","content":{"p":"a","q":[1.50,-0e-7,true,null]},"inputResponses":{"a":{}},"_meta":{}}"#,
        #"{"content":[{"type":"audio"},{"type":"resource_link","uri":"u:"}],"structuredContent":[1],"#
            + #""messages":[{"content":{"type":"audio"}}]}"#,
        #"{"tools":[{"name":"t","inputSchema":{"properties":{"s":{"type":"string","x-mcp-header":"R"}}},"#
            + #""outputSchema":{},"execution":{}}]}"#,
        #"{"elicitations":[{"mode":"url","url":"u:"}],"roots":[{"uri":"u:"}],"role":"user","model":"m"}"#,
    ]

    @Test(arguments: 0..<24)
    func `altered texts of all kinds are read or refused`(seed: UInt64) throws {
        var generator = PRNG(seed: seed)
        let alphabet = [UInt8](#"{}[]",:\0123456789.eE+-truefalsn u/"#.utf8) + [0x0A, 0xFF, 0xE2, 0x80, 0xA8]
        for _ in 0..<60 {
            var bytes = [UInt8](Self.texts[generator.below(Self.texts.count)].utf8)
            for _ in 0..<generator.below(4) {
                let index = generator.below(bytes.count)
                switch generator.below(3) {
                case 0: bytes[index] = alphabet[generator.below(alphabet.count)]
                case 1: bytes.insert(alphabet[generator.below(alphabet.count)], at: index)
                default: bytes.remove(at: index)
                }
            }
            try Self.readAll(bytes)
        }
    }

    private static func readAll(_ bytes: [UInt8]) throws {
        let whole = ByteRange(0, bytes.count)
        let span = bytes.span
        var output: [UInt8] = []
        for revision in Revision.allCases { _ = ClientCapabilities(span, whole, declaredIn: revision) }
        let canonical = Result { () throws in try CanonicalJSON.append(bytes.span, whole, to: &output) }
        _ = InputRequired(urlElicitationData: whole, in: span)
        for method in [MCPMethod.elicitationCreate, .samplingCreateMessage, .rootsList] {
            guard let request = try? InputRequest(method: method, span, params: whole) else { continue }
            try Self.writeAll(request)
            guard let checked = try? InputResponse.checked(span, whole, for: request) else { continue }
            _ = try JSONValue.parse(checked)
        }
        if let request = try? InputRequest(span, value: whole) { try Self.writeAll(request) }
        var scanner = JSONScanner()
        var members = JSONMembers()
        guard (try? scanner.scanObject(span, at: whole, into: &members)) != nil else { return }
        if case .success = canonical { _ = try JSONValue.parse(output) }
        if let required = try? InputRequired(members, in: span) {
            output = []
            try required.appendResult(for: .all, serverInfo: Span(), to: &output)
            _ = try JSONValue.parse(output)
        }
        if let answers = try? InputAnswers(span, params: members) {
            output = []
            InputRequired.appendRetryParams(
                span, members, of: whole, answers: answers.answers, requestState: answers.requestState, meta: Span(), to: &output)
            _ = try JSONValue.parse(output)
        }
        for method in [MCPMethod.toolsCall, .promptsGet, .toolsList] {
            for revision in Revision.allCases {
                output = []
                ResultDowngrade(method: method, revision: revision, workerEra: .modern).append(
                    members, of: whole, span, to: &output)
                var copy = JSONMembers()
                try scanner.scanObject(output.span, at: ByteRange(0, output.count), into: &copy)
            }
        }
        var headers = ParameterHeaders()
        headers.add(members, span)
        _ = headers.check(tool: [0x74], arguments: whole, body: span, fields: [], head: Span())
    }

    private static func writeAll(_ request: InputRequest) throws {
        for capabilities in [ClientCapabilities.all, [], .sampling] {
            var output: [UInt8] = []
            if (try? request.appendForModernClient(capabilities, to: &output)) != nil { _ = try JSONValue.parse(output) }
            for revision in Revision.legacy {
                output = []
                let isWritten =
                    (try? request.appendParamsForLegacyClient(
                        revision, capabilities, elicitationID: "e", progressToken: 1, to: &output)) != nil
                if isWritten { _ = try JSONValue.parse(output) } else { #expect(output.isEmpty) }
            }
        }
    }
}
