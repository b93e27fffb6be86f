"""What is exchanged, about whom, and by whom (項目・利用者・職種・事業所)."""

from enum import StrEnum


class Group(StrEnum):
    """A column of the standard items (項目群). Counts are those of the 2014 study, basic/optional."""

    person = "person"  # 本人情報 15/18
    family = "family"  # 家族・介護者情報 9/14
    medical = "medical"  # 医療情報 35/24
    living = "living"  # 生活・介護情報 23/28
    care_report = "care_report"  # ケアレポート 4/67


class Tier(StrEnum):
    """基本情報 (the minimum that those who care must know) or 選択情報 (shared as needed)."""

    basic = "basic"
    optional = "optional"


class RecordKind(StrEnum):
    """What is exchanged: フェイスシート or ケアレポート."""

    face_sheet = "face_sheet"
    care_report = "care_report"

    @property
    def groups(self) -> tuple[Group, ...]:
        """The columns this kind of document carries."""
        if self is RecordKind.care_report:
            return (Group.care_report,)
        return (Group.person, Group.family, Group.medical, Group.living)


class Profession(StrEnum):
    """職種. The codes of the catalogue's value set ``profession``; ``system`` is a vendor's system acting as itself."""

    physician = "physician"  # 医師
    dentist = "dentist"  # 歯科医師
    pharmacist = "pharmacist"  # 薬剤師
    public_health_nurse = "public_health_nurse"  # 保健師
    nurse = "nurse"  # 看護師
    assistant_nurse = "assistant_nurse"  # 准看護師
    midwife = "midwife"  # 助産師
    pt = "pt"  # 理学療法士
    ot = "ot"  # 作業療法士
    st = "st"  # 言語聴覚士
    dietitian = "dietitian"  # 管理栄養士
    nutritionist = "nutritionist"  # 栄養士
    dental_hygienist = "dental_hygienist"  # 歯科衛生士
    judo_therapist = "judo_therapist"  # 柔道整復師
    acupuncturist = "acupuncturist"  # あん摩マッサージ指圧師・はり師・きゅう師
    psychologist = "psychologist"  # 公認心理師
    care_manager = "care_manager"  # 介護支援専門員
    consultation_support = "consultation_support"  # 相談支援専門員
    daily_life_counselor = "daily_life_counselor"  # 生活相談員・支援相談員
    care_worker = "care_worker"  # 介護福祉士
    home_helper = "home_helper"  # 訪問介護員
    service_manager = "service_manager"  # サービス提供責任者
    facility_care_staff = "facility_care_staff"  # 通所・入所施設の介護職員
    social_worker = "social_worker"  # 社会福祉士
    psychiatric_social_worker = "psychiatric_social_worker"  # 精神保健福祉士
    medical_social_worker = "medical_social_worker"  # 医療ソーシャルワーカー
    equipment_specialist = "equipment_specialist"  # 福祉用具専門相談員
    community_support_center = "community_support_center"  # 地域包括支援センター職員
    coordinator = "coordinator"  # 在宅医療・介護連携コーディネーター
    municipality = "municipality"  # 行政職員
    paramedic = "paramedic"  # 救急隊員
    welfare_commissioner = "welfare_commissioner"  # 民生委員
    family = "family"  # 家族
    person = "person"  # 本人
    medical_clerk = "medical_clerk"  # 医療事務・事業所事務
    other = "other"  # その他
    system = "system"  # 連携システム自身


class OrganizationKind(StrEnum):
    """事業所・医療機関の種類. Decides the part an organization takes when it registers a patient."""

    clinic = "clinic"  # 診療所
    hospital = "hospital"  # 病院
    dental_clinic = "dental_clinic"  # 歯科診療所
    pharmacy = "pharmacy"  # 薬局
    visiting_nursing = "visiting_nursing"  # 訪問看護ステーション
    care_management = "care_management"  # 居宅介護支援事業所
    home_help = "home_help"  # 訪問介護事業所
    day_service = "day_service"  # 通所介護事業所
    short_stay = "short_stay"  # 短期入所事業所
    rehabilitation = "rehabilitation"  # 訪問・通所リハビリテーション事業所
    community_support = "community_support"  # 地域包括支援センター
    municipality = "municipality"  # 市町村・保健所
    other = "other"  # その他


class Part(StrEnum):
    """ケアチームでの役割."""

    attending_physician = "attending_physician"  # 主治医
    deputy_physician = "deputy_physician"  # 副主治医
    visiting_nursing = "visiting_nursing"  # 訪問看護
    pharmacy = "pharmacy"  # 薬局
    dentistry = "dentistry"  # 歯科
    care_management = "care_management"  # 居宅介護支援
    home_help = "home_help"  # 訪問介護
    day_service = "day_service"  # 通所介護
    short_stay = "short_stay"  # 短期入所
    rehabilitation = "rehabilitation"  # リハビリテーション
    hospital = "hospital"  # 病院
    community_support = "community_support"  # 地域包括支援
    municipality = "municipality"  # 行政
    other = "other"  # その他

    @classmethod
    def of(cls, kind: OrganizationKind) -> "Part":
        """The part an organization of this kind takes when nothing else is said."""
        named = {OrganizationKind.clinic: cls.attending_physician, OrganizationKind.dental_clinic: cls.dentistry}
        return named.get(kind) or cls(kind.value)


class Office(StrEnum):
    """職員の役割: what a post is for. One person who does both has two posts and chooses which hat to wear."""

    ordinary = "ordinary"  # 一般: cares, with the rights of the profession
    organization_admin = "organization_admin"  # 事業所の管理者: administers, reads no content


class ConsentForm(StrEnum):
    """同意の形式."""

    written = "written"  # 書面
    oral = "oral"  # 口頭
    notice = "notice"  # 掲示による黙示
    joint_use = "joint_use"  # 共同利用
    entrusted = "entrusted"  # 委託
    law = "law"  # 法令に基づく


class ConsentSubject(StrEnum):
    """誰の情報についての同意か."""

    patient = "patient"  # 本人
    family = "family"  # 家族


class IdentifierSystem(StrEnum):
    """番号の種類."""

    ltci = "ltci"  # 介護保険
    health_insurance = "health_insurance"  # 医療保険
    local = "local"  # 自機関の番号


class Sex(StrEnum):
    """性別."""

    male = "male"  # 男
    female = "female"  # 女
    other = "other"  # その他
    unknown = "unknown"  # 不明


class Language(StrEnum):
    """The languages a problem is told in."""

    ja = "ja"
    en = "en"


RESTRICTED_COLUMN = "restricted"
"""The permission table's eleventh column: whether restricted items (要配慮項目) may be read at all."""
