public import Base
public import Wire

/// The answer to an `InputRequest`: a bare result object in both eras, and for a legacy peer also an error, which is passed on as it is.
public enum InputResponse {
    /// Checks a result and returns the bytes that the server gets, on one line: without our own `_meta`, without `resultType`, and
    /// without what the action says that it does not have.
    ///
    /// The content of a form is held to its schema as far as a flat schema goes: required members, types and choices. What the
    /// schema does not name passes.
    public static func checked(
        _ bytes: Span<UInt8>, _ range: ByteRange, for request: InputRequest
    ) throws(InputResponseRefusal) -> [UInt8] {
        let tree: JSONValue
        do throws(JSONTextError) {
            tree = try JSONValue.parse(bytes, range, limits: .secondLook)
        } catch {
            throw .malformed
        }
        guard let members = tree.objectValue else { throw .notObject }
        let result: [JSONValue.Member]
        switch request.kind {
        case .elicitationForm, .elicitationURL: result = try Self.elicitation(tree, members, request)
        case .sampling: result = try Self.sampling(tree, members, request)
        case .roots: result = try Self.roots(tree, members)
        }
        var output: [UInt8] = []
        JSONValue.object(result.compactMap(Self.withoutOurs)).append(to: &output)
        return output
    }

    /// Nil for what no server of any era knows.
    private static func withoutOurs(_ member: JSONValue.Member) -> JSONValue.Member? {
        if member.key == "resultType" { return nil }
        guard member.key == "_meta" else { return member }
        let kept = (member.value.objectValue ?? []).filter { !$0.key.hasPrefix("io.mcp-supervisor/") }
        return kept.isEmpty ? nil : .init(member.key, .object(kept))
    }

    // MARK: Elicitation

    private static func elicitation(
        _ tree: JSONValue, _ members: [JSONValue.Member], _ request: InputRequest
    ) throws(InputResponseRefusal) -> [JSONValue.Member] {
        switch tree["action"]?.stringValue {
        case "accept" where request.kind == .elicitationForm: break
        // Data that a person chose not to send, or that nobody asked for, goes no further.
        case "accept", "decline", "cancel": return members.filter { $0.key != "content" }
        default: throw .action
        }
        guard let content = tree["content"], !content.isNull else {
            try Self.check([], request["requestedSchema"])
            return members.filter { $0.key != "content" }
        }
        guard let answers = content.objectValue else { throw .content }
        for answer in answers {
            switch answer.value {
            case .string, .number, .bool: break
            case .array(let elements): guard elements.allSatisfy({ $0.stringValue != nil }) else { throw .value(answer.key) }
            case .null, .object: throw .value(answer.key)
            }
        }
        try Self.check(answers, request["requestedSchema"])
        return members
    }

    private static func check(_ answers: [JSONValue.Member], _ schema: JSONValue?) throws(InputResponseRefusal) {
        guard let schema else { return }
        let content = JSONValue.object(answers)
        for required in schema["required"]?.arrayValue ?? [] {
            guard let key = required.stringValue else { continue }
            guard content[key] != nil else { throw .required(key) }
        }
        guard let properties = schema["properties"] else { return }
        for answer in answers {
            guard let property = properties[answer.key] else { continue }
            guard Self.fits(answer.value, property) else { throw .value(answer.key) }
        }
    }

    private static func fits(_ value: JSONValue, _ schema: JSONValue) -> Bool {
        switch schema["type"]?.stringValue {
        case "string": guard value.stringValue != nil else { return false }
        case "boolean": guard value.boolValue != nil else { return false }
        case "number": guard case .number = value else { return false }
        case "integer":
            guard case .number(let lexeme) = value else { return false }
            let text = [UInt8](lexeme.utf8)
            guard CanonicalJSON.isInteger(text.span) else { return false }
        case "array":
            guard let elements = value.arrayValue else { return false }
            guard let choices = Self.choices(schema["items"] ?? .null) else { return true }
            return elements.allSatisfy { choices.contains($0) }
        default: break
        }
        guard let choices = Self.choices(schema) else { return true }
        return choices.contains(value)
    }

    /// The values that a schema allows, in any of the spellings that forms use; nil when it names none.
    private static func choices(_ schema: JSONValue) -> [JSONValue]? {
        if let values = schema["enum"]?.arrayValue { return values }
        guard let titled = (schema["oneOf"] ?? schema["anyOf"])?.arrayValue else { return nil }
        let values = titled.compactMap { $0["const"] }
        return values.count == titled.count ? values : nil
    }

    // MARK: Sampling and roots

    private static func sampling(
        _ tree: JSONValue, _ members: [JSONValue.Member], _ request: InputRequest
    ) throws(InputResponseRefusal) -> [JSONValue.Member] {
        switch tree["role"]?.stringValue {
        case "user", "assistant": break
        default: throw .role
        }
        guard tree["model"]?.stringValue != nil else { throw .model }
        guard let content = tree["content"] else { throw .content }
        let blocks = content.arrayValue ?? [content]
        guard blocks.allSatisfy({ $0["type"]?.stringValue != nil }) else { throw .content }
        // Servers that did not ask for tools may be older than lists of blocks.
        guard content.arrayValue != nil, blocks.count == 1, !request.needs.contains(.samplingTools) else { return members }
        return members.map { $0.key == "content" ? .init("content", blocks[0]) : $0 }
    }

    private static func roots(
        _ tree: JSONValue, _ members: [JSONValue.Member]
    ) throws(InputResponseRefusal) -> [JSONValue.Member] {
        guard let roots = tree["roots"]?.arrayValue else { throw .roots }
        for root in roots {
            guard root["uri"]?.stringValue != nil else { throw .roots }
            guard root["name"].map({ $0.stringValue != nil }) ?? true else { throw .roots }
        }
        return members
    }
}

/// Why an answer is not passed on. The call stays where it is; a client may answer again.
public enum InputResponseRefusal: Error, Equatable, Sendable {
    /// `inputResponses` is no object.
    case responsesNotObject
    case tooManyResponses
    /// `requestState` is no string.
    case stateNotString
    case malformed
    /// A response is no object.
    case notObject
    case action
    case content
    /// A member of the content has a value of the wrong type, or one that is no choice.
    case value(String)
    case required(String)
    case role
    case model
    case roots

    public var code: ErrorCode { .invalidParams }

    public var reason: String {
        switch self {
        case .responsesNotObject: "inputResponses must be an object"
        case .tooManyResponses: "inputResponses has more than \(InputAnswers.countMax) members"
        case .stateNotString: "requestState must be a string"
        case .malformed: "an input response is malformed"
        case .notObject: "an input response must be an object"
        case .action: "the action of an elicitation must be accept, decline or cancel"
        case .content: "the content of an input response is missing or malformed"
        case .value(let key): "the answer to \(key) is not acceptable"
        case .required(let key): "the answer to \(key) is missing"
        case .role: "the role of a sampled message must be user or assistant"
        case .model: "the model of a sampled message is missing"
        case .roots: "the roots must be a list of objects with a uri"
        }
    }
}

/// What a modern client sends with a request that it asks again: its answers, and the state that it was given. Either may come
/// without the other.
public struct InputAnswers: Equatable, Sendable {
    public struct Answer: Equatable, Sendable {
        /// After unescaping.
        public let key: [UInt8]
        /// A JSON object.
        public let value: [UInt8]

        public init(key: [UInt8], value: [UInt8]) {
            self.key = key
            self.value = value
        }
    }

    public static let countMax = 64

    /// In the order of the client. Keys are unique.
    public let answers: [Answer]
    /// After unescaping; nil when there is none.
    public let requestState: [UInt8]?

    /// `params` are the members of the request's `params`. Throws before anything is dispatched.
    public init(_ bytes: Span<UInt8>, params: JSONMembers) throws(InputResponseRefusal) {
        if let state = params.value("requestState", in: bytes) {
            guard jsonKind(bytes, state) == .string else { throw .stateNotString }
            self.requestState = JSONString.unescape(bytes, state)
        } else {
            self.requestState = nil
        }
        guard let responses = params.value("inputResponses", in: bytes) else {
            self.answers = []
            return
        }
        guard jsonKind(bytes, responses) == .object else { throw .responsesNotObject }
        var scanner = JSONScanner(limits: .secondLook)
        var members = JSONMembers()
        do throws(JSONError) { try scanner.scanObject(bytes, at: responses, into: &members) } catch { throw .malformed }
        guard members.count <= Self.countMax else { throw .tooManyResponses }
        var answers: [Answer] = []
        for member in members.members {
            guard jsonKind(bytes, member.value) == .object else { throw .notObject }
            let key = JSONString.unescape(bytes, ByteRange(member.key.lowerBound - 1, member.key.upperBound + 1))
            var value: [UInt8] = []
            value.appendLine(bytes, member.value)
            answers.append(Answer(key: key, value: value))
        }
        self.answers = answers
    }

    /// Neither answers nor a state: the request is asked for the first time.
    public var isEmpty: Bool { self.answers.isEmpty && self.requestState == nil }

    public subscript(key: [UInt8]) -> [UInt8]? { self.answers.first { $0.key == key }?.value }
}
