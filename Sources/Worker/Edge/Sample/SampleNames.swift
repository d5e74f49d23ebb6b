/// The words the sample shop is made of.
enum SampleNames {
    struct Category {
        let name: StaticString
        let nouns: [StaticString]
        /// In cents.
        let priceMin: Int
        let priceMax: Int
    }

    struct Place {
        let city: StaticString
        let country: StaticString
    }

    static let categories: [Category] = [
        Category(
            name: "Kitchen", nouns: ["Kettle", "Frying Pan", "Knife Set", "Mixing Bowl", "Espresso Pot"], priceMin: 900,
            priceMax: 12_000),
        Category(
            name: "Garden", nouns: ["Watering Can", "Pruner", "Planter", "Hose Reel", "Lantern"], priceMin: 700, priceMax: 9_000),
        Category(
            name: "Office", nouns: ["Desk Lamp", "Notebook", "Pen Holder", "Monitor Stand", "Chair Mat"], priceMin: 400,
            priceMax: 15_000),
        Category(
            name: "Outdoor", nouns: ["Tent", "Backpack", "Camp Stove", "Flask", "Head Torch"], priceMin: 1_500, priceMax: 30_000),
        Category(
            name: "Music", nouns: ["Ukulele", "Metronome", "Music Stand", "Cable", "Headphones"],
            priceMin: 800, priceMax: 25_000),
        Category(name: "Toys", nouns: ["Puzzle", "Kite", "Building Set", "Board Game", "Yo-yo"], priceMin: 500, priceMax: 6_000),
        Category(
            name: "Sports", nouns: ["Yoga Mat", "Skipping Rope", "Dumbbell", "Racket", "Ball"], priceMin: 600, priceMax: 14_000),
        Category(
            name: "Books", nouns: ["Atlas", "Cookbook", "Field Guide", "Novel", "Dictionary"], priceMin: 500, priceMax: 5_000),
    ]

    static let adjectives: [StaticString] = [
        "Classic", "Compact", "Deluxe", "Everyday", "Folding", "Handmade", "Heavy-Duty", "Light", "Modern", "Nordic", "Portable",
        "Premium", "Simple", "Sturdy", "Vintage",
    ]

    static let first: [StaticString] = [
        "Ada", "Amir", "Aiko", "Ben", "Bruna", "Carlos", "Chen", "Dana", "Diego", "Elif", "Emma", "Farid", "Finn", "Grace",
        "Hana",
        "Hugo", "Ines", "Ivan", "Jana", "Jonas", "Kaito", "Kira", "Lars", "Leila", "Lucía", "Marek", "Maya", "Nadia", "Noah",
        "Olga",
        "Omar", "Paula", "Priya", "Quentin", "Rosa", "Samir", "Sofia", "Tariq", "Tove", "Uma", "Viktor", "Wanda", "Yusuf", "Zoë",
    ]

    static let last: [StaticString] = [
        "Almeida", "Andersen", "Bauer", "Becker", "Costa", "Dubois", "Eriksson", "Fischer", "García", "Haddad", "Hansen", "Ito",
        "Jensen", "Kaya", "Keller", "Kowalski", "Larsen", "Lopez", "Marino", "Meyer", "Moreau", "Nakamura", "Novák", "O'Brien",
        "Okafor", "Patel", "Petrov", "Rossi", "Sato", "Schmidt", "Silva", "Singh", "Smith", "Tanaka", "Van Dijk", "Weber",
        "Yilmaz",
    ]

    static let places: [Place] = [
        Place(city: "Berlin", country: "Germany"), Place(city: "Hamburg", country: "Germany"),
        Place(city: "Paris", country: "France"),
        Place(city: "Lyon", country: "France"), Place(city: "Madrid", country: "Spain"),
        Place(city: "Lisbon", country: "Portugal"),
        Place(city: "Oslo", country: "Norway"), Place(city: "Stockholm", country: "Sweden"),
        Place(city: "Tokyo", country: "Japan"),
        Place(city: "Osaka", country: "Japan"), Place(city: "Toronto", country: "Canada"),
        Place(city: "Austin", country: "United States"),
        Place(city: "Seattle", country: "United States"), Place(city: "São Paulo", country: "Brazil"),
        Place(city: "Mumbai", country: "India"),
        Place(city: "Istanbul", country: "Türkiye"), Place(city: "Prague", country: "Czechia"),
        Place(city: "Dublin", country: "Ireland"),
    ]
}
