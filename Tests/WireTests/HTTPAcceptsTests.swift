import Testing
import Wire

@Suite struct HTTPAcceptsTests {
    @Test(
        arguments: [
            ("application/json, text/event-stream", [.json, .eventStream]),
            ("text/event-stream, application/json", [.json, .eventStream]),
            ("APPLICATION/JSON,Text/Event-Stream", [.json, .eventStream]), ("application/json", .json),
            ("text/event-stream", .eventStream),
            ("*/*", [.json, .eventStream]), ("application/*", .json), ("text/*", .eventStream), ("text/html", []), ("", []),
            ("application/json;q=0, */*", .eventStream), ("*/*, application/json;q=0", .eventStream),
            ("*/*;q=0, application/json", .json),
            ("application/*;q=0, application/json;q=0.001", .json), ("application/json;q=0.000", []),
            ("application/json;q=1.000", .json),
            ("application/json; q=0.5 , text/*; Q=0", .json), ("application/json;charset=utf-8", .json),
            ("application/json;a=\"x,y;q=0\";q=1", .json), ("application/json;a=\"\\\",*/*\"", .json),
            ("text/html, */*;q=0.1", [.json, .eventStream]),
            (", ,application/json,,", .json), ("application/json ; q=0", []), ("application/json;q=0, application/json", .json),
            ("application/jsonx", []), ("xapplication/json", []), ("application/json-seq", []), ("*/json", []), ("*", []),
            ("text/**", []),
        ] as [(String, HTTPAccepts)])
    func `weights, wildcards and specificity decide`(value: String, accepts: HTTPAccepts) {
        #expect(HTTPTranscript.of(request("POST", "/", "Accept: \(value)")).heads.map(\.accepts) == [accepts])
    }

    @Test(arguments: ["2", "1.001", "0.0001", "-1", ".5", "", "0x1", "+1", "1.", "nan", "0.5x"])
    func `an element with a malformed weight is passed over`(weight: String) {
        let accepts = HTTPTranscript.of(request("POST", "/", "Accept: application/json;q=\(weight)")).heads.map(\.accepts)
        // RFC 9110 12.4.2 lets the decimals be absent after the point.
        #expect(accepts == [weight == "1." ? .json : []])
    }

    @Test func `several lines are one list`() {
        let text = request("POST", "/", "Accept: application/json", "X: y", "ACCEPT: text/event-stream;q=0.1")
        #expect(HTTPTranscript.of(text).heads.map(\.accepts) == [[.json, .eventStream]])
    }

    @Test func `an absent field is told from one that accepts nothing`() throws {
        var decoder = HTTPRequestDecoder()
        let absent = Array(request("GET", "/").utf8)
        guard case .head(let head) = try decoder.decode(absent.span) else {
            Issue.record("no head")
            return
        }
        #expect(head.acceptIsAbsent && head.accepts.isEmpty)
        var other = HTTPRequestDecoder()
        let empty = Array(request("GET", "/", "Accept:").utf8)
        guard case .head(let emptyHead) = try other.decode(empty.span) else {
            Issue.record("no head")
            return
        }
        #expect(!emptyHead.acceptIsAbsent && emptyHead.accepts.isEmpty)
    }
}
