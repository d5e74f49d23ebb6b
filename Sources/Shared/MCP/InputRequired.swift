public import Base
public import Wire

/// The result by which a modern server asks for input: questions for the client, a state to bring back, or both. The client then asks
/// the same request again, with its answers and the state (2026-07-28, multi round-trip requests).
public struct InputRequired: Equatable, Sendable {
    public struct Question: Equatable, Sendable {
        /// Names the question in this answer; unique there. Of a worker's choice, or ours.
        public let key: [UInt8]
        public let request: InputRequest

        public init(key: [UInt8], request: InputRequest) {
            self.key = key
            self.request = request
        }
    }

    /// Bound: each is a message to a client, and for a legacy one a request of its own.
    public static let questionsMax = 16
    /// Bound: kept while a person thinks, and sent back and forth.
    public static let stateBytesMax = 1 << 16
    public static let keyBytesMax = 256

    public let questions: [Question]
    /// After unescaping; given back exactly. Nil when the server has none.
    public let requestState: [UInt8]?

    public init(questions: [Question], requestState: [UInt8]?) {
        self.questions = questions
        self.requestState = requestState
    }

    /// Whether a modern result, of which these are the members, is one.
    public static func isOne(_ result: JSONMembers, in bytes: Span<UInt8>) -> Bool {
        guard let type = result.value("resultType", in: bytes) else { return false }
        return JSONString.equals(bytes, type, "input_required")
    }

    /// Reads a worker's result, of which these are the members.
    public init(_ result: JSONMembers, in bytes: Span<UInt8>) throws(InputRequiredRefusal) {
        var state: [UInt8]?
        if let range = result.value("requestState", in: bytes) {
            guard jsonKind(bytes, range) == .string else { throw .stateNotString }
            let text = JSONString.unescape(bytes, range)
            guard text.count <= Self.stateBytesMax else { throw .stateTooLong }
            state = text
        }
        var questions: [Question] = []
        if let range = result.value("inputRequests", in: bytes) {
            guard jsonKind(bytes, range) == .object else { throw .requestsNotObject }
            var scanner = JSONScanner(limits: .secondLook)
            var members = JSONMembers()
            do throws(JSONError) { try scanner.scanObject(bytes, at: range, into: &members) } catch {
                throw .malformed(error.reason)
            }
            guard members.count <= Self.questionsMax else { throw .tooMany }
            for member in members.members {
                let key = JSONString.unescape(bytes, ByteRange(member.key.lowerBound - 1, member.key.upperBound + 1))
                guard key.count <= Self.keyBytesMax else { throw .keyTooLong }
                do throws(InputRequestRefusal) {
                    questions.append(Question(key: key, request: try InputRequest(bytes, value: member.value)))
                } catch {
                    throw .request(error)
                }
            }
        }
        guard !questions.isEmpty || state != nil else { throw .empty }
        self.init(questions: questions, requestState: state)
    }

    /// Reads the `data` of error -32042 of a 2025-11-25 worker: URLs to visit before the call is tried again. Nil when it names none.
    /// What is no elicitation by URL is left out, and so is what goes beyond `questionsMax`.
    public init?(urlElicitationData data: ByteRange?, in bytes: Span<UInt8>) {
        // Expected: whatever cannot be read is an error like any other, and is passed on as one.
        guard let data, let tree = try? JSONValue.parse(bytes, data, limits: .secondLook),
            let elicitations = tree["elicitations"]?.arrayValue
        else { return nil }
        var questions: [Question] = []
        for elicitation in elicitations {
            guard questions.count < Self.questionsMax else { break }
            guard elicitation["mode"].map({ $0 == "url" }) ?? true, let url = elicitation["url"]?.stringValue, !url.isEmpty else {
                continue
            }
            var key = [UInt8]("url-")
            key.append(decimal: UInt64(questions.count + 1))
            let message = elicitation["message"]?.stringValue ?? ""
            questions.append(Question(key: key, request: InputRequest(url: url, message: message)))
        }
        guard !questions.isEmpty else { return nil }
        self.init(questions: questions, requestState: nil)
    }

    /// What a client must have declared for all questions.
    public var needs: ClientCapabilities { self.questions.reduce(into: []) { $0.formUnion($1.request.needs) } }

    /// Appends the result object for a modern client. `serverInfo` is raw JSON, or empty.
    /// After an error, nothing has been appended.
    public func appendResult(
        for capabilities: ClientCapabilities, serverInfo: Span<UInt8>, to output: inout [UInt8]
    ) throws(InputImpossible) {
        let missing = self.needs.subtracting(capabilities)
        guard missing.isEmpty else { throw .missing(missing) }
        let start = output.count
        output.append(#"{"resultType":"input_required""#)
        if !self.questions.isEmpty {
            output.append(#","inputRequests":{"#)
            for (index, question) in self.questions.enumerated() {
                if index > 0 { output.append(0x2C) }
                output.appendJSON(string: question.key.span)
                output.append(0x3A)
                do throws(InputImpossible) {
                    try question.request.appendForModernClient(capabilities, to: &output)
                } catch {
                    output.removeLast(output.count - start)
                    throw error
                }
            }
            output.append(0x7D)
        }
        if let state = self.requestState {
            output.append(#","requestState":"#)
            output.appendJSON(string: state.span)
        }
        if !serverInfo.isEmpty {
            output.append(#","_meta":{"io.modelcontextprotocol/serverInfo":"#)
            output.append(serverInfo)
            output.append(0x7D)
        }
        output.append(0x7D)
    }

    /// Appends the `params` of the request that is asked again: those of the first time, of which `params` are the members, with the
    /// answers of this round only and with the state of this round only. `meta` is the raw object that takes the place of `_meta`,
    /// because a progress token is of one request; empty to keep it.
    public static func appendRetryParams(
        _ bytes: Span<UInt8>, _ params: borrowing JSONMembers, of object: ByteRange, answers: [InputAnswers.Answer],
        requestState: [UInt8]?, meta: Span<UInt8>, to output: inout [UInt8]
    ) {
        var adding: [UInt8] = []
        if !answers.isEmpty {
            adding.append(#""inputResponses":{"#)
            for (index, answer) in answers.enumerated() {
                if index > 0 { adding.append(0x2C) }
                adding.appendJSON(string: answer.key.span)
                adding.append(0x3A)
                adding.append(contentsOf: answer.value)
            }
            adding.append(0x7D)
        }
        if let requestState {
            if !adding.isEmpty { adding.append(0x2C) }
            adding.append(#""requestState":"#)
            adding.appendJSON(string: requestState.span)
        }
        if !meta.isEmpty {
            if !adding.isEmpty { adding.append(0x2C) }
            adding.append(#""_meta":"#)
            adding.append(meta)
        }
        let removing: [StaticString] =
            meta.isEmpty ? ["inputResponses", "requestState"] : ["inputResponses", "requestState", "_meta"]
        JSONObjectSplice.append(bytes, params, of: object, removing: removing, adding: adding.span, to: &output)
    }

    /// Appends `"result":{…}` or `"error":{…}`, the member that follows the id of the response, for a client that cannot be asked:
    /// the model that called a tool can read why, and other callers get an error.
    public func appendStandIn(for method: MCPMethod, because reason: String, to output: inout [UInt8]) {
        let text = self.standInText(because: reason)
        if method == .toolsCall {
            output.append(#""result":{"content":[{"type":"text","text":"#)
            output.appendJSON(string: text)
            output.append(#"}],"isError":true}"#)
        } else {
            output.append(#""error":{"code":-32603,"message":"#)
            output.appendJSON(string: text)
            output.append(0x7D)
        }
    }

    /// What a client is told that cannot be asked: why, and what it would have been asked, so that a person can act on it. Nobody
    /// answers in the client's name.
    public func standInText(because reason: String) -> String {
        var text = "The server needs further input, but \(reason)."
        for question in self.questions {
            if let message = question.request.message { text += "\n\(message)" }
            if let url = question.request.url { text += "\n\(url)" }
        }
        return text
    }
}

/// Why a worker's request for input is not passed on: it has broken the protocol.
public enum InputRequiredRefusal: Error, Equatable, Sendable {
    /// Neither questions nor a state.
    case empty
    case requestsNotObject
    case stateNotString
    case stateTooLong
    case keyTooLong
    case tooMany
    /// For one, two questions have the same key.
    case malformed(JSONError.Reason)
    case request(InputRequestRefusal)

    public var reason: String {
        switch self {
        case .empty: "the server asks for input but has neither a question nor a state"
        case .requestsNotObject: "inputRequests is no object"
        case .stateNotString: "requestState is no string"
        case .stateTooLong: "requestState is longer than \(InputRequired.stateBytesMax) bytes"
        case .keyTooLong: "a key of inputRequests is longer than \(InputRequired.keyBytesMax) bytes"
        case .tooMany: "inputRequests has more than \(InputRequired.questionsMax) members"
        case .malformed(let reason): "inputRequests is malformed: \(reason.text)"
        case .request(let refusal): refusal.reason
        }
    }
}
