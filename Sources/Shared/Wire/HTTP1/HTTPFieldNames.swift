/// A set of recognised field names.
public struct HTTPFieldNames: OptionSet, Equatable, Sendable {
    public let rawValue: UInt32

    public init(rawValue: UInt32) { self.rawValue = rawValue }

    public init(_ name: HTTPFieldName) { self.rawValue = 1 << UInt32(truncatingIfNeeded: name.rawValue) }

    public func contains(_ name: HTTPFieldName) -> Bool { self.contains(Self(name)) }
}
