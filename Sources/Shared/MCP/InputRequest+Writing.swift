import Base
import Wire

/// Why a client cannot be asked what a server asks for.
public enum InputImpossible: Error, Equatable, Sendable {
    /// The client has not declared these.
    case missing(ClientCapabilities)
    /// Its revision has no words for it, whatever it declared.
    case inexpressible(StaticText)

    /// What a modern client would have to declare.
    public func required(by request: InputRequest) -> ClientCapabilities {
        switch self {
        case .missing(let capabilities): capabilities
        case .inexpressible: request.needs
        }
    }

    /// For the text of a result or an error.
    public var reason: String {
        switch self {
        case .missing(let capabilities): "the client does not support \(capabilities.names)"
        case .inexpressible(let text): "the client's protocol revision does not allow \(text.text)"
        }
    }
}

extension InputRequest {
    /// Appends the value of `inputRequests` for a modern client. Of the leg to the worker nothing stays: no `elicitationId`, no
    /// `task`, no progress token.
    public func appendForModernClient(_ capabilities: ClientCapabilities, to output: inout [UInt8]) throws(InputImpossible) {
        let missing = self.missing(in: capabilities)
        guard missing.isEmpty else { throw .missing(missing) }
        output.append(#"{"method":""#)
        output.append(self.method.text)
        output.append(#"""#)
        let params = Self.withMeta(self.portableParams(capabilities), self.meta)
        if !params.isEmpty || self.kind != .roots {
            output.append(#","params":"#)
            JSONValue.object(params).append(to: &output)
        }
        output.append(0x7D)
    }

    /// What the digest of the question is made of: only what a person or a model is asked, which is the same when the call is done
    /// again.
    public func appendQuestion(to output: inout [UInt8]) {
        CanonicalJSON.append(.object(self.portableParams(.all)), to: &output)
    }

    /// Appends the `params` of the request that asks a legacy client. `elicitationID` is a fresh one, for revisions that have it;
    /// the worker's own id is kept, because `notifications/elicitation/complete` will name it. `progressToken` is one of ours, sent
    /// only when the worker asked for progress.
    public func appendParamsForLegacyClient(
        _ revision: Revision, _ capabilities: ClientCapabilities, elicitationID: String, progressToken: Int64?,
        to output: inout [UInt8]
    ) throws(InputImpossible) {
        let missing = self.missing(in: capabilities)
        guard missing.isEmpty else { throw .missing(missing) }
        var params = self.portableParams(capabilities)
        switch self.kind {
        case .elicitationForm:
            guard revision >= .v2025_06_18 else { throw .inexpressible("elicitation") }
            if revision == .v2025_06_18 { params = try Self.formOf2025June(params) }
        case .elicitationURL:
            guard revision >= .v2025_11_25 else { throw .inexpressible("elicitation by URL") }
            params.append(.init("elicitationId", .string(self["elicitationId"]?.stringValue ?? elicitationID)))
        case .sampling:
            if revision < .v2025_11_25 { params = try Self.plainSampling(params, revision) }
        case .roots: break
        }
        var meta = self.meta
        if self.origin.progressToken != nil, let progressToken { meta.append(.init("progressToken", .integer(progressToken))) }
        JSONValue.object(Self.withMeta(params, meta)).append(to: &output)
    }

    /// `params` without what belongs to the leg between worker and supervisor.
    private func portableParams(_ capabilities: ClientCapabilities) -> [JSONValue.Member] {
        self.params.filter {
            switch $0.key {
            case "elicitationId", "task": false
            // A wish, not a need: a client without the capability is asked without the context.
            case "includeContext": capabilities.contains(.samplingContext) || $0.value == "none"
            default: true
            }
        }
    }

    private static func withMeta(_ params: [JSONValue.Member], _ meta: [JSONValue.Member]) -> [JSONValue.Member] {
        meta.isEmpty ? params : params + [.init("_meta", .object(meta))]
    }

    // MARK: 2025-06-18 and before

    /// A form as 2025-06-18 knows it: no `mode`, flat, no lists, one spelling of titled choices, and no defaults but of flags.
    private static func formOf2025June(_ params: [JSONValue.Member]) throws(InputImpossible) -> [JSONValue.Member] {
        var result: [JSONValue.Member] = []
        for param in params where param.key != "mode" {
            guard param.key == "requestedSchema", let members = param.value.objectValue else {
                result.append(param)
                continue
            }
            result.append(.init(param.key, .object(try Self.schemaOf2025June(members))))
        }
        return result
    }

    private static func schemaOf2025June(_ schema: [JSONValue.Member]) throws(InputImpossible) -> [JSONValue.Member] {
        var result: [JSONValue.Member] = []
        for member in schema {
            guard member.key == "properties", let properties = member.value.objectValue else {
                result.append(member)
                continue
            }
            var converted: [JSONValue.Member] = []
            for property in properties {
                converted.append(.init(property.key, try Self.propertyOf2025June(property.value)))
            }
            result.append(.init(member.key, .object(converted)))
        }
        return result
    }

    private static func propertyOf2025June(_ schema: JSONValue) throws(InputImpossible) -> JSONValue {
        guard let members = schema.objectValue else { throw .inexpressible("such a form") }
        var type = schema["type"]?.stringValue
        if type == nil, schema["oneOf"] != nil || schema["enum"] != nil { type = "string" }
        guard type == "string" || type == "number" || type == "integer" || type == "boolean" else {
            throw .inexpressible(type == "array" ? "a choice of several in a form" : "nested values in a form")
        }
        var result: [JSONValue.Member] = schema["type"] == nil ? [.init("type", "string")] : []
        for member in members {
            switch member.key {
            case "default" where type != "boolean": break
            case "oneOf":
                let choices = member.value.arrayValue ?? []
                let values = choices.compactMap { $0["const"]?.stringValue }
                guard !values.isEmpty, values.count == choices.count else { throw .inexpressible("such a choice in a form") }
                let titles = choices.enumerated().map { $1["title"]?.stringValue ?? values[$0] }
                result.append(.init("enum", .array(values.map { .string($0) })))
                result.append(.init("enumNames", .array(titles.map { .string($0) })))
            case "enum" where schema["oneOf"] != nil, "enumNames" where schema["oneOf"] != nil: break
            default: result.append(member)
            }
        }
        return .object(result)
    }

    /// Sampling before 2025-11-25: a message has one content block, and before 2025-03-26 it is no sound.
    private static func plainSampling(
        _ params: [JSONValue.Member], _ revision: Revision
    ) throws(InputImpossible) -> [JSONValue.Member] {
        var result: [JSONValue.Member] = []
        for param in params {
            guard param.key == "messages", let messages = param.value.arrayValue else {
                result.append(param)
                continue
            }
            var converted: [JSONValue] = []
            for message in messages { converted.append(try Self.plainMessage(message, revision)) }
            result.append(.init(param.key, .array(converted)))
        }
        return result
    }

    private static func plainMessage(_ message: JSONValue, _ revision: Revision) throws(InputImpossible) -> JSONValue {
        guard let members = message.objectValue else { throw .inexpressible("such a message") }
        var result: [JSONValue.Member] = []
        for member in members {
            guard member.key == "content" else {
                result.append(member)
                continue
            }
            var block = member.value
            if let blocks = block.arrayValue {
                // Several blocks came together with tools, and so did the word for clients that read them.
                guard let first = blocks.first, blocks.count == 1 else { throw .missing(.samplingTools) }
                block = first
            }
            if revision < .v2025_03_26, block["type"] == "audio" { throw .inexpressible("audio in sampling") }
            result.append(.init(member.key, block))
        }
        return .object(result)
    }
}
