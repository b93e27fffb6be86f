"""ひいらぎ市 in みさき県, which are on no map: the organizations of the demo, their vendors' systems and their staff."""

from dataclasses import dataclass

from renkei.vocabulary import OrganizationKind, Part, Profession


@dataclass(frozen=True, slots=True)
class Staff:
    """職員: whom a vendor's system names when it asks for a token."""

    user_id: str
    family: str
    given: str
    profession: Profession
    profession_note: str | None = None

    @property
    def name(self) -> str:
        return f"{self.family} {self.given}".strip()


@dataclass(frozen=True, slots=True)
class Organization:
    """One place of work with one vendor's system.

    label: its entry in credentials.json. system: the vendor's product and version.
    number: its ten-digit institution code (医療機関等コード) or provider number (事業所番号), of prefecture 99.
    """

    label: str
    code: str
    name: str
    kind: OrganizationKind
    part: Part
    system: str
    number: tuple[str, str]
    phone: str
    staff: tuple[Staff, ...]

    def member(self, user_id: str) -> Staff:
        """The member of staff of that id."""
        return next(member for member in self.staff if member.user_id == user_id)


ORGANIZATIONS = (
    Organization(
        "clinic",
        "hiiragi-clinic",
        "ひいらぎ在宅クリニック",
        OrganizationKind.clinic,
        Part.attending_physician,
        "在宅カルテ Kaede 4.1",
        ("institution_code", "9910000128"),
        "0470-00-2100",
        (
            Staff("saegusa", "三枝", "朋之", Profession.physician),
            Staff("kiryu", "桐生", "あずさ", Profession.nurse),
        ),
    ),
    Organization(
        "deputy-clinic",
        "minato-clinic",
        "みなと内科医院",
        OrganizationKind.clinic,
        Part.deputy_physician,
        "外来くん 12",
        ("institution_code", "9910000136"),
        "0470-00-2255",
        (Staff("jinno", "神野", "佳代", Profession.physician),),
    ),
    Organization(
        "nurse-station",
        "komorebi-nursing",
        "訪問看護ステーションこもれび",
        OrganizationKind.visiting_nursing,
        Part.visiting_nursing,
        "訪看ノート 2026.2",
        ("provider_number", "9960000077"),
        "0470-00-4120",
        (
            Staff("sakuma", "佐久間", "恵", Profession.nurse),
            Staff("kishimoto", "岸本", "絵里", Profession.nurse),
            Staff("hirose", "廣瀨", "拓", Profession.pt),
        ),
    ),
    Organization(
        "care-office",
        "tsumugi-care",
        "居宅介護支援事業所つむぎ",
        OrganizationKind.care_management,
        Part.care_management,
        "ケアプラン工房 9",
        ("provider_number", "9970000019"),
        "0470-00-5140",
        (Staff("isaka", "井坂", "千尋", Profession.care_manager),),
    ),
    Organization(
        "helper-station",
        "nagisa-help",
        "ヘルパーステーションなぎさ",
        OrganizationKind.home_help,
        Part.home_help,
        "ヘルパー手帳 3.0",
        ("provider_number", "9970000035"),
        "0470-00-6001",
        (
            Staff("akamine", "赤嶺", "由香", Profession.home_helper),
            Staff("hori", "堀", "美奈子", Profession.service_manager),
            Staff("santos", "サントス・ジュリア", "", Profession.other, "重度訪問介護従業者(喀痰吸引等 第3号)"),
        ),
    ),
    Organization(
        "pharmacy",
        "harukaze-pharmacy",
        "はるかぜ薬局 駅前店",
        OrganizationKind.pharmacy,
        Part.pharmacy,
        "調剤Suite/在宅",
        ("institution_code", "9940000054"),
        "0470-00-3610",
        (Staff("kosuge", "小菅", "真理", Profession.pharmacist),),
    ),
    Organization(
        "day-service",
        "hidamari-day",
        "デイサービスひだまり坂",
        OrganizationKind.day_service,
        Part.day_service,
        "通所日誌 Hinata",
        ("provider_number", "9970000068"),
        "0470-00-6200",
        (
            Staff("hayakawa", "早川", "淳", Profession.daily_life_counselor),
            Staff("noda", "野田", "結衣", Profession.facility_care_staff),
        ),
    ),
    Organization(
        "hospital",
        "misaki-hospital",
        "みさき中央病院",
        OrganizationKind.hospital,
        Part.hospital,
        "HIS Aoba 7",
        ("institution_code", "9910000011"),
        "0470-00-1000",
        (
            Staff("washio", "鷲尾", "健", Profession.physician),
            Staff("mibu", "壬生", "香織", Profession.medical_social_worker),
        ),
    ),
    Organization(
        "support-centre",
        "hiiragi-support",
        "ひいらぎ市地域包括支援センター港",
        OrganizationKind.community_support,
        Part.community_support,
        "包括ノート 5",
        ("provider_number", "9900000018"),
        "0470-00-1230",
        (Staff("matsunaga", "松永", "里美", Profession.social_worker),),
    ),
    Organization(
        "stranger-clinic",
        "toono-clinic",
        "とおの丘クリニック",
        OrganizationKind.clinic,
        Part.attending_physician,
        "診療所カルテ Nagi 2",
        ("institution_code", "9910000144"),
        "0470-00-8800",
        (Staff("toono", "遠野", "徹", Profession.physician),),
    ),
)

BY_LABEL = {organization.label: organization for organization in ORGANIZATIONS}

DELEGATED = tuple(p for p in Profession if p not in (Profession.system, Profession.family, Profession.person))
"""The professions every demo client may assert: wide, so that anything can be tried."""
