"""The closed lists everything else is written in, each with its Japanese word.

A code here is a code in the HTTP contract and in the database: never rename one, only add.
"""

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


class Permission(StrEnum):
    """Every act the service knows. One string names it everywhere: permission, audit action and change kind.

    Its Python form replaces the dot: ``Permission.face_sheet_submit``, ``submit_face_sheet``.
    """

    patient_register = "patient.register"  # 利用者の登録
    patient_search = "patient.search"  # 利用者の検索
    patient_read = "patient.read"  # 利用者の基本属性の閲覧
    face_sheet_submit = "face_sheet.submit"  # フェイスシートの提出
    face_sheet_read = "face_sheet.read"  # フェイスシートの閲覧
    face_sheet_withdraw = "face_sheet.withdraw"  # フェイスシートの取下げ
    care_report_submit = "care_report.submit"  # ケアレポートの提出
    care_report_read = "care_report.read"  # ケアレポートの閲覧
    care_report_withdraw = "care_report.withdraw"  # ケアレポートの取下げ
    summary_read = "summary.read"  # 共有サマリーの閲覧
    consent_record = "consent.record"  # 同意の記録
    consent_read = "consent.read"  # 同意の閲覧
    consent_withdraw = "consent.withdraw"  # 同意の撤回の記録
    consent_preview = "consent.preview"  # 誰に何が見えるようになるかの事前確認
    consent_evidence_add = "consent_evidence.add"  # 同意書の写しの保存
    consent_evidence_read = "consent_evidence.read"  # 同意書の写しの閲覧
    care_team_place = "care_team.place"  # ケアチームへの追加
    care_team_read = "care_team.read"  # ケアチームの閲覧
    care_team_end = "care_team.end"  # ケアチームからの終了
    care_team_hand_over = "care_team.hand_over"  # 廃止・休止する事業所からの引継ぎ
    access_request_submit = "access_request.submit"  # 閲覧・参加の申請
    access_request_read = "access_request.read"  # 申請の一覧
    access_request_approve = "access_request.approve"  # 申請の承認
    access_request_refuse = "access_request.refuse"  # 申請の却下
    emergency_access_open = "emergency_access.open"  # 緊急閲覧の開始
    emergency_access_close = "emergency_access.close"  # 緊急閲覧の終了
    emergency_access_read = "emergency_access.read"  # 緊急閲覧の一覧
    emergency_access_review = "emergency_access.review"  # 緊急閲覧の事後検証
    access_read = "access.read"  # 閲覧できる者の確認
    access_log_read = "access_log.read"  # 閲覧記録の確認
    organization_read = "organization.read"  # 事業所一覧の閲覧
    organization_register = "organization.register"  # 事業所の登録
    organization_suspend = "organization.suspend"  # 事業所の利用停止
    organization_resume = "organization.resume"  # 事業所の利用再開
    client_register = "client.register"  # 連携システムの登録
    client_read = "client.read"  # 連携システムの一覧
    client_replace_keys = "client.replace_keys"  # 連携システムの公開鍵の変更
    client_renew = "client.renew"  # 連携システムの秘密の再発行
    client_suspend = "client.suspend"  # 連携システムの利用停止
    client_resume = "client.resume"  # 連携システムの利用再開
    delegation_read = "delegation.read"  # 委任の一覧
    delegation_register = "delegation.register"  # 委任の登録
    delegation_end = "delegation.end"  # 委任の終了
    permission_table_read = "permission_table.read"  # 権限表の閲覧
    permission_table_preview = "permission_table.preview"  # 権限表の変更の事前確認
    permission_table_edit = "permission_table.edit"  # 権限表の変更
    access_review_read = "access_review.read"  # 使われていない権限の棚卸
    audit_read = "audit.read"  # 監査記録の閲覧
    audit_seal_read = "audit_seal.read"  # 監査記録の封印の閲覧
    breach_read = "breach.read"  # 漏えい時の影響範囲の調査
    change_read = "change.read"  # 更新情報の取得


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


class Basis(StrEnum):
    """閲覧・記入の根拠: the tie between the actor's organization and the patient, in force now."""

    own = "own"  # 自機関の記録がある
    care_team = "care_team"  # ケアチームの一員
    consent = "consent"  # 同意で名指しされている
    emergency = "emergency"  # 緊急閲覧
    requested = "requested"  # 番号で照合し参加を申請中: writes and reads its own, learns nothing else
    administration = "administration"  # 基盤の管理者・監査人: no content


class Reason(StrEnum):
    """Why something is withheld or refused (非開示・拒否の理由). The first five are the contract's ``withheld`` reasons."""

    no_consent = "no_consent"  # 同意がない
    consent_withdrawn = "consent_withdrawn"  # 同意が撤回された
    profession = "profession"  # 職種の権限がない
    restricted = "restricted"  # 同意で名指しされていない要配慮項目
    family_consent_missing = "family_consent_missing"  # 家族の同意がない
    not_in_care_team = "not_in_care_team"  # ケアチームの一員でない
    not_own_record = "not_own_record"  # 自機関の記録でない
    not_administrator = "not_administrator"  # 管理者でない
    own_matter = "own_matter"  # 自機関のことを自機関では決められない
    scope = "scope"  # 委任またはトークンの範囲外


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


class ActorKind(StrEnum):
    """誰として働くか."""

    client = "client"  # 連携システム, for one organization
    admin = "admin"  # 基盤の管理者
    auditor = "auditor"  # 監査人: reads the ledger, sees no content
    organization_admin = "organization_admin"  # 事業所の管理者: of its own organization's ledger
    worker = "worker"  # 基盤の定期処理


class Scope(StrEnum):
    """委任・トークンの範囲: which acts a delegation or a token is for. Narrows what rights allow, never adds to it."""

    patients = "patients"  # 利用者の登録・検索・基本属性
    records_read = "records.read"  # 記録・共有サマリーの閲覧
    records_write = "records.write"  # 記録の提出・取下げ
    changes = "changes"  # 更新情報
    consents = "consents"  # 同意
    care_team = "care_team"  # ケアチームと申請、事業所一覧
    emergency = "emergency"  # 緊急閲覧
    oversight = "oversight"  # 閲覧できる者・閲覧記録・監査、権限表の閲覧
    administration = "administration"  # 管理


class Wants(StrEnum):
    """何を申請するか: what would have to change for the request to be granted."""

    care_team = "care_team"  # ケアチームへの参加
    consent = "consent"  # 本人の同意
    permission = "permission"  # 職種の権限


class Finding(StrEnum):
    """緊急閲覧の検証結果."""

    justified = "justified"  # 妥当
    unjustified = "unjustified"  # 不当
    unclear = "unclear"  # 判断できない


class Outcome(StrEnum):
    """監査記録の結果."""

    allowed = "allowed"  # 許可
    refused = "refused"  # 拒否


class Language(StrEnum):
    """The languages a problem is told in."""

    ja = "ja"
    en = "en"


RESTRICTED_COLUMN = "restricted"
"""The permission table's eleventh column: whether restricted items (要配慮項目) may be read at all."""
