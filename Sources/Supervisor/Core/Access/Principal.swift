/// Who a request comes from, as far as a credential says. Sessions belong to one.
public struct Principal: Hashable, Sendable {
    /// The id of the key; empty for `anonymous`. Safe to log: it is not the secret.
    public let name: String
    public let group: String

    public init(name: String, group: String) {
        self.name = name
        self.group = group
    }

    /// Everybody on a listener that asks for no credential.
    public static let anonymous = Principal(name: "", group: "default")
}
