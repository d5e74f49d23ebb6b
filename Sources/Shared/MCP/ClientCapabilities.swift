public import Base
import Wire

extension JSONLimits {
    /// For a second look at a part of a message that was accepted as a whole, by limits that may be wider than the standard ones.
    static let secondLook = JSONLimits(
        depthMax: JSONLimits.depthCeiling, nodesMax: 1 << 40, stringBytesMax: 1 << 40, numberBytesMax: 1 << 40,
        membersMax: 1 << 40)
}

/// What a client can be asked for, independent of the revision that it said so in. Also the fingerprint by which clients share a
/// legacy worker: a worker plans on what its `initialize` promised, so it is only ever given to clients of one fingerprint.
///
/// Extensions are not part of it: none is carried from end to end, so none is ever promised.
public struct ClientCapabilities: OptionSet, Hashable, Sendable {
    public let rawValue: UInt8

    public init(rawValue: UInt8) { self.rawValue = rawValue }

    public static let elicitationForm = Self(rawValue: 1 << 0)
    public static let elicitationURL = Self(rawValue: 1 << 1)
    public static let sampling = Self(rawValue: 1 << 2)
    /// `tools` and `toolChoice` in sampling. Never without `sampling` in what a client declared.
    public static let samplingTools = Self(rawValue: 1 << 3)
    /// `includeContext` other than `none`.
    public static let samplingContext = Self(rawValue: 1 << 4)
    public static let roots = Self(rawValue: 1 << 5)

    public static let all: Self = [.elicitationForm, .elicitationURL, .sampling, .samplingTools, .samplingContext, .roots]

    /// Reads the `capabilities` of `initialize` or the `clientCapabilities` of a modern envelope. What `revision` does not define is
    /// not a promise, whoever wrote it: an older client that names `elicitation.url` has not read what that means.
    ///
    /// Members that are no objects, and bytes that are no JSON, promise nothing.
    public init(_ bytes: Span<UInt8>, _ capabilities: ByteRange?, declaredIn revision: Revision) {
        self = []
        guard let members = Self.members(bytes, capabilities) else { return }
        if let sampling = Self.members(bytes, members.value("sampling", in: bytes)) {
            self.insert(.sampling)
            if revision >= .v2025_11_25 {
                if Self.isObject(bytes, sampling.value("tools", in: bytes)) { self.insert(.samplingTools) }
                if Self.isObject(bytes, sampling.value("context", in: bytes)) { self.insert(.samplingContext) }
            }
        }
        if Self.isObject(bytes, members.value("roots", in: bytes)) { self.insert(.roots) }
        guard revision >= .v2025_06_18, let elicitation = Self.members(bytes, members.value("elicitation", in: bytes)) else {
            return
        }
        guard revision >= .v2025_11_25 else {
            self.insert(.elicitationForm)
            return
        }
        let hasURL = Self.isObject(bytes, elicitation.value("url", in: bytes))
        if hasURL { self.insert(.elicitationURL) }
        // Neither of both is how 2025-06-18 wrote it, when there was only the form.
        if !hasURL || Self.isObject(bytes, elicitation.value("form", in: bytes)) { self.insert(.elicitationForm) }
    }

    /// Appends the object, for a modern worker's envelope, for a legacy worker's `initialize` of 2025-11-25 or later, and for
    /// `requiredCapabilities` of error -32021: they have the same shape. `listChanged` of roots is not promised to anybody.
    public func append(to output: inout [UInt8]) {
        var isFirst = true
        func separate() {
            if !isFirst { output.append(0x2C) }
            isFirst = false
        }
        output.append(0x7B)
        if !self.isDisjoint(with: [.elicitationForm, .elicitationURL]) {
            separate()
            output.append(#""elicitation":"#)
            Self.append(
                [self.contains(.elicitationForm) ? "form" : nil, self.contains(.elicitationURL) ? "url" : nil], to: &output)
        }
        if !self.isDisjoint(with: [.sampling, .samplingTools, .samplingContext]) {
            separate()
            output.append(#""sampling":"#)
            Self.append(
                [self.contains(.samplingTools) ? "tools" : nil, self.contains(.samplingContext) ? "context" : nil], to: &output)
        }
        if self.contains(.roots) {
            separate()
            output.append(#""roots":{}"#)
        }
        output.append(0x7D)
    }

    /// Appends the `data` of error -32021 when these are what the client lacks.
    public func appendMissingData(to output: inout [UInt8]) {
        output.append(#"{"requiredCapabilities":"#)
        self.append(to: &output)
        output.append(0x7D)
    }

    /// For people, as in "elicitation.url and roots".
    public var names: String {
        let named: [(Self, String)] = [
            (.elicitationForm, "elicitation.form"), (.elicitationURL, "elicitation.url"), (.sampling, "sampling"),
            (.samplingTools, "sampling.tools"), (.samplingContext, "sampling.context"), (.roots, "roots"),
        ]
        return named.filter { self.contains($0.0) }.map(\.1).joined(separator: " and ")
    }

    private static func append(_ keys: [StaticString?], to output: inout [UInt8]) {
        var isFirst = true
        output.append(0x7B)
        for key in keys {
            guard let key else { continue }
            if !isFirst { output.append(0x2C) }
            isFirst = false
            output.append(0x22)
            output.append(key)
            output.append(#"":{}"#)
        }
        output.append(0x7D)
    }

    private static func isObject(_ bytes: Span<UInt8>, _ range: ByteRange?) -> Bool {
        guard let range else { return false }
        return jsonKind(bytes, range) == .object
    }

    private static func members(_ bytes: Span<UInt8>, _ range: ByteRange?) -> JSONMembers? {
        guard let range, Self.isObject(bytes, range) else { return nil }
        var scanner = JSONScanner(limits: .secondLook)
        var members = JSONMembers()
        do throws(JSONError) { try scanner.scanObject(bytes, at: range, into: &members) } catch { return nil }
        return members
    }
}
