public struct Principal: Hashable, Sendable {
    public static let anonymous = Principal()
}

public struct AccessPolicy: Sendable {
    public init() {}
}
