import Base
import MCP
import Testing
import Wire

@Suite struct ParameterHeadersTests {
    private static func headers(_ properties: String) throws -> ParameterHeaders {
        var headers = ParameterHeaders()
        let object = try JSONObject(
            #"{"tools":[{"name":"t","inputSchema":{"type":"object","properties":\#(properties)}},{"name":"plain"}]}"#)
        headers.add(object.members, object.bytes.span)
        return headers
    }

    /// `nil` for a call that passes, else the cause and the header.
    private static func check(
        _ headers: ParameterHeaders, tool: String = "t", _ arguments: String?, _ fields: [(String, String)]
    ) throws -> ParameterHeaders.Verdict {
        let request =
            "POST /mcp HTTP/1.1\r\nHost: a\r\n" + fields.map { "\($0): \($1)\r\n" }.joined() + "Content-Length: 0\r\n\r\n"
        let head = [UInt8](request.utf8)
        var decoder = HTTPRequestDecoder(limits: HTTPLimits())
        guard case .head(let decoded) = try decoder.decode(head.span) else {
            Issue.record("no head")
            return .unknownTool
        }
        let body = [UInt8]((arguments ?? "").utf8)
        return headers.check(
            tool: [UInt8](tool.utf8), arguments: arguments.map { _ in ByteRange(0, body.count) }, body: body.span,
            fields: ParameterHeaders.fields(of: decoded, in: head.span), head: head.span)
    }

    private static func refused(_ cause: ParameterHeaders.Refusal.Cause, _ header: String) -> ParameterHeaders.Verdict {
        .refused(ParameterHeaders.Refusal(cause: cause, header: [UInt8](header.utf8)))
    }

    private static let all = """
        {"s":{"type":"string","x-mcp-header":"Region"},"i":{"type":"integer","x-mcp-header":"Count"},\
        "b":{"type":"boolean","x-mcp-header":"Flag"}}
        """

    @Test(
        arguments: [
            // Strings are compared exactly, after decoding.
            (#"{"s":"eu"}"#, [("Mcp-Param-Region", "eu")], nil), (#"{"s":"eu"}"#, [("mcp-param-REGION", "  eu\t")], nil),
            (#"{"s":"\u0065u"}"#, [("Mcp-Param-Region", "eu")], nil),
            (#"{"s":"ü"}"#, [("Mcp-Param-Region", "=?base64?w7w=?=")], nil), (#"{"s":""}"#, [("Mcp-Param-Region", "")], nil),
            (#"{"s":"eu"}"#, [("Mcp-Param-Region", "EU")], .differs), (#"{"s":"eu"}"#, [("Mcp-Param-Region", "eu x")], .differs),
            (#"{"s":"eu"}"#, [], .missing), (#"{"s":"ü"}"#, [("Mcp-Param-Region", "ü")], .malformed),
            (#"{"s":"a"}"#, [("Mcp-Param-Region", "=?base64?YQ?=")], .malformed),
            (#"{"s":"=?base64?YQ?"}"#, [("Mcp-Param-Region", "=?base64?YQ?")], nil),
            // Null and absent have no header.
            (#"{"s":null}"#, [], nil), ("{}", [], nil), (nil, [], nil),
            (#"{"s":null}"#, [("Mcp-Param-Region", "null")], .unexpected),
            ("{}", [("Mcp-Param-Region", "")], .unexpected), (nil, [("Mcp-Param-Region", "eu")], .unexpected),
            // Two fields of one name: a proxy may have read the other one.
            (#"{"s":"eu"}"#, [("Mcp-Param-Region", "eu"), ("mcp-param-region", "eu")], .repeated),
            // Nobody's business.
            (#"{"s":"eu"}"#, [("Mcp-Param-Region", "eu"), ("Mcp-Param-Other", "ü")], nil), ("{}", [("Mcp-Param", "x")], nil),
            ("{}", [("Mcp-Param-", "x")], nil),
            // A value that no header can repeat.
            (#"{"s":{}}"#, [("Mcp-Param-Region", "{}")], .differs), (#"{"s":[]}"#, [], .missing),
        ] as [(String?, [(String, String)], ParameterHeaders.Refusal.Cause?)])
    func `a header repeats its argument`(
        arguments: String?, fields: [(String, String)], cause: ParameterHeaders.Refusal.Cause?
    ) throws {
        let verdict = try Self.check(try Self.headers(Self.all), arguments, fields)
        #expect(verdict == cause.map { Self.refused($0, "Region") } ?? .accepted)
    }

    @Test(
        arguments: [
            ("42", "42", true), ("42", "42.0", true), ("42.0", "42", true), ("42", "4.2e1", true), ("-0", "0", true),
            ("42", "43", false), ("42", "042", false), ("42", "", false), ("42", "x", false),
            ("9007199254740993", "9007199254740992", false), ("42", "=?base64?NDI=?=", true), (#""42""#, "42", true),
            (#""42""#, "42.0", false),
        ])
    func `integers are compared by value`(argument: String, field: String, isEqual: Bool) throws {
        let verdict = try Self.check(try Self.headers(Self.all), #"{"i":\#(argument)}"#, [("Mcp-Param-Count", field)])
        #expect(verdict == (isEqual ? .accepted : Self.refused(.differs, "Count")))
    }

    @Test(arguments: [
        ("true", "true", true), ("false", "false", true), ("true", "True", false), ("true", "1", false), ("false", "", false),
    ])
    func `booleans are two words`(argument: String, field: String, isEqual: Bool) throws {
        let verdict = try Self.check(try Self.headers(Self.all), #"{"b":\#(argument)}"#, [("Mcp-Param-Flag", field)])
        #expect(verdict == (isEqual ? .accepted : Self.refused(.differs, "Flag")))
    }

    @Test func `arguments are found below nested properties`() throws {
        let headers = try Self.headers(
            #"{"a":{"type":"object","properties":{"b":{"properties":{"c":{"type":"string","x-mcp-header":"Deep"}}}}}}"#)
        #expect(try Self.check(headers, #"{"a":{"b":{"c":"x"}}}"#, [("Mcp-Param-Deep", "x")]) == .accepted)
        #expect(try Self.check(headers, #"{"a":{"b":{"c":"x"}}}"#, []) == Self.refused(.missing, "Deep"))
        for arguments in ["{}", #"{"a":null}"#, #"{"a":{"b":7}}"#, #"{"a":[]}"#, #"{"a":{"b":{"c":null}}}"#, #"{"c":"x"}"#] {
            #expect(try Self.check(headers, arguments, []) == .accepted)
            #expect(try Self.check(headers, arguments, [("Mcp-Param-Deep", "x")]) == Self.refused(.unexpected, "Deep"))
        }
    }

    @Test(arguments: [
        #"{"s":{"type":"string","x-mcp-header":""}}"#, #"{"s":{"type":"string","x-mcp-header":"a b"}}"#,
        #"{"s":{"type":"string","x-mcp-header":"a\r\nb"}}"#, #"{"s":{"type":"string","x-mcp-header":"ü"}}"#,
        #"{"s":{"type":"string","x-mcp-header":7}}"#, #"{"s":{"type":"number","x-mcp-header":"N"}}"#,
        #"{"s":{"type":"object","x-mcp-header":"N"}}"#, #"{"s":{"x-mcp-header":"N"}}"#,
        #"{"s":{"type":["string","integer"],"x-mcp-header":"N"}}"#, #"{"s":{"type":[],"x-mcp-header":"N"}}"#,
        #"{"s":{"type":["null"],"x-mcp-header":"N"}}"#,
        #"{"s":{"type":"string","x-mcp-header":"N"},"o":{"type":"string","x-mcp-header":"n"}}"#,
        #"{"s":{"type":"string","x-mcp-header":"N"},"o":{"properties":{"p":{"type":"string","x-mcp-header":"N"}}}}"#,
        #"{"l":{"type":"array","items":{"properties":{"s":{"type":"string","x-mcp-header":"N"}}}}}"#,
        #"{"s":{"oneOf":[{"type":"string","x-mcp-header":"N"}]}}"#, #"{"s":{"$ref":"https://n.example/"}}"#, "7", "[]",
        #"{"s":7}"#,
    ])
    func `an annotation that is not valid is no rule`(properties: String) throws {
        let headers = try Self.headers(properties)
        #expect(try Self.check(headers, #"{"s":"x","o":{"p":"x"},"l":[{"s":"x"}]}"#, []) == .accepted)
    }

    @Test func `an argument that may be null is checked when it is not`() throws {
        let headers = try Self.headers(#"{"s":{"type":["string","null"],"x-mcp-header":"N"}}"#)
        #expect(try Self.check(headers, #"{"s":"x"}"#, []) == Self.refused(.missing, "N"))
        #expect(try Self.check(headers, #"{"s":null}"#, []) == .accepted)
    }

    @Test func `a tool that was listed without annotations is told apart from one that was not`() throws {
        var headers = try Self.headers(Self.all)
        #expect(headers.count == 2)
        #expect(try Self.check(headers, tool: "plain", #"{"s":"x"}"#, [("Mcp-Param-Region", "y")]) == .accepted)
        #expect(try Self.check(headers, tool: "other", "{}", []) == .unknownTool)
        headers.removeAll()
        #expect(try Self.check(headers, tool: "plain", "{}", []) == .unknownTool)
    }

    @Test func `a tool that is listed again has its new rules`() throws {
        var headers = try Self.headers(Self.all)
        let name = String(repeating: "n", count: 1_000)
        let again = try JSONObject(
            #"{"tools":[{"name":"t","inputSchema":{}},7,{"name":7},{},{"name":"\#(name)"}]}"#)
        // More often than the bound on names would allow if the old ones were not given back.
        for _ in 0..<(ParameterHeaders.bytesMax / 1_000 + 10) { headers.add(again.members, again.bytes.span) }
        #expect(headers.count == 3)
        #expect(try Self.check(headers, tool: name, "{}", []) == .accepted)
        #expect(try Self.check(headers, #"{"s":"x"}"#, []) == .accepted)
    }

    @Test func `a worker cannot make the table grow without end`() throws {
        var headers = ParameterHeaders()
        let many = (0..<5_000).map { #"{"name":"t\#($0)"}"# }.joined(separator: ",")
        let object = try JSONObject(#"{"tools":[\#(many)]}"#)
        headers.add(object.members, object.bytes.span)
        #expect(headers.count == ParameterHeaders.toolsMax)

        var long = ParameterHeaders()
        let name = String(repeating: "n", count: ParameterHeaders.bytesMax / 2 - 100)
        let names = try JSONObject(#"{"tools":[{"name":"\#(name)1"},{"name":"\#(name)2"},{"name":"\#(name)3"}]}"#)
        long.add(names.members, names.bytes.span)
        #expect(long.count == 2)
    }

    @Test func `annotations beyond the limit are no rules, and repeats of them neither`() throws {
        let properties = (0..<80).map { #""p\#($0)":{"type":"string","x-mcp-header":"H\#($0)"}"# }
        let headers = try Self.headers(
            "{\(properties.joined(separator: ",")),\"q\":{\"type\":\"string\",\"x-mcp-header\":\"h3\"}}")
        #expect(try Self.check(headers, #"{"p0":"x"}"#, []) == Self.refused(.missing, "H0"))
        #expect(try Self.check(headers, #"{"p3":"x","q":"x"}"#, []) == .accepted)
        #expect(try Self.check(headers, #"{"p79":"x"}"#, []) == .accepted)
    }

    @Test func `a schema that is nested too deeply has no rules down there`() throws {
        var schema = #"{"type":"string","x-mcp-header":"N"}"#
        for _ in 0..<20 { schema = #"{"properties":{"p":\#(schema)}}"# }
        #expect(try Self.check(try Self.headers(#"{"p":\#(schema)}"#), #"{"p":{}}"#, [("Mcp-Param-N", "x")]) == .accepted)
    }

    @Test(
        arguments: [
            (.missing, "The Mcp-Param-Region header is required for this call"),
            (.repeated, "The Mcp-Param-Region header must not be repeated"),
            (.malformed, "The Mcp-Param-Region header is neither visible ASCII nor canonical =?base64?...?= of UTF-8"),
            (.differs, "The Mcp-Param-Region header differs from the argument that it repeats"),
            (.unexpected, "The Mcp-Param-Region header is present, but the argument that it repeats is not"),
        ] as [(ParameterHeaders.Refusal.Cause, String)])
    func `a refusal names the header and not its value`(cause: ParameterHeaders.Refusal.Cause, expected: String) {
        let refusal = ParameterHeaders.Refusal(cause: cause, header: [UInt8]("Region".utf8))
        var reason: [UInt8] = []
        refusal.appendReason(to: &reason)
        #expect(text(reason) == expected)
        #expect(refusal.code == .headerMismatch)
    }
}
