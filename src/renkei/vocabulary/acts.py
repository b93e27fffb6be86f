"""What is done, by whom, on what ground, and with what result (操作・主体・根拠・結果)."""

from enum import StrEnum


class Permission(StrEnum):
    """Every act the service knows. One string names it everywhere: permission, audit action and change kind.

    Its Python form replaces the dot: ``Permission.face_sheet_submit``, ``submit_face_sheet``.
    """

    patient_register = "patient.register"  # 利用者の登録
    patient_search = "patient.search"  # 利用者の検索
    patient_read = "patient.read"  # 利用者の基本属性の閲覧
    patient_change = "patient.change"  # 利用者の登録内容の変更・訂正
    patient_link = "patient.link"  # 同一人物としての結び付け
    patient_unlink = "patient.unlink"  # 結び付きの解除
    link_read = "link.read"  # 結び付きの閲覧
    patient_distinguish = "patient.distinguish"  # 同一人物でないことの記録
    candidate_read = "candidate.read"  # 同一人物の候補の確認
    possible_duplicate_read = "possible_duplicate.read"  # 可能性のある重複の一覧
    face_sheet_submit = "face_sheet.submit"  # フェイスシートの提出
    face_sheet_read = "face_sheet.read"  # フェイスシートの閲覧
    face_sheet_withdraw = "face_sheet.withdraw"  # フェイスシートの取下げ
    care_report_submit = "care_report.submit"  # ケアレポートの提出
    care_report_read = "care_report.read"  # ケアレポートの閲覧
    care_report_withdraw = "care_report.withdraw"  # ケアレポートの取下げ
    draft_enter = "draft.enter"  # 下書きの入力
    draft_read = "draft.read"  # 下書きの閲覧
    draft_change = "draft.change"  # 下書きの変更
    draft_discard = "draft.discard"  # 下書きの破棄
    draft_confirm = "draft.confirm"  # 下書きの確認・提出
    draft_expire = "draft.expire"  # 期限の過ぎた下書きの消去
    attachment_add = "attachment.add"  # 添付の保存
    attachment_read = "attachment.read"  # 添付の閲覧
    attachment_withdraw = "attachment.withdraw"  # 添付の取下げ
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
    login_provider_read = "login_provider.read"  # 事業所のログインの閲覧
    login_provider_set = "login_provider.set"  # 事業所のログインの設定
    login_provider_remove = "login_provider.remove"  # 事業所のログインの解除
    member_read = "member.read"  # 職員の一覧
    member_invite = "member.invite"  # 職員の招待
    member_reinvite = "member.reinvite"  # 招待のやり直し、パスワードの再設定
    member_change = "member.change"  # 職員の職種・役割の変更
    member_end = "member.end"  # 職員の終了
    member_give_code = "member.give_code"  # 職員への一時コードの発行
    member_import = "member.import"  # 職員名簿の取込
    permission_table_read = "permission_table.read"  # 権限表の閲覧
    permission_table_preview = "permission_table.preview"  # 権限表の変更の事前確認
    permission_table_edit = "permission_table.edit"  # 権限表の変更
    access_review_read = "access_review.read"  # 使われていない権限の棚卸
    audit_read = "audit.read"  # 監査記録の閲覧
    audit_seal_read = "audit_seal.read"  # 監査記録の封印の閲覧
    breach_read = "breach.read"  # 漏えい時の影響範囲の調査
    change_read = "change.read"  # 更新情報の取得
    import_submit = "import.submit"  # 一括取込の依頼
    import_read = "import.read"  # 一括取込の状況の閲覧
    import_confirm = "import.confirm"  # 一括取込の確定
    import_cancel = "import.cancel"  # 一括取込の中止
    import_undo = "import.undo"  # 一括取込の取消し
    import_mapping_read = "import_mapping.read"  # 列の割り当ての閲覧
    export_request = "export.request"  # 書出しの依頼
    export_make = "export.make"  # 書出し(利用者ごと)
    export_read = "export.read"  # 書出しの状況の閲覧
    export_download = "export.download"  # 書出したファイルの受取り
    export_cancel = "export.cancel"  # 書出しの中止
    import_mapping_save = "import_mapping.save"  # 列の割り当ての保存
    change_notify = "change.notify"  # 更新情報の通知
    subscription_register = "subscription.register"  # 通知先の登録
    subscription_read = "subscription.read"  # 通知先の一覧
    subscription_edit = "subscription.edit"  # 通知先の変更
    subscription_renew = "subscription.renew"  # 通知先の署名鍵の再発行
    subscription_resume = "subscription.resume"  # 止まった通知の再開
    subscription_end = "subscription.end"  # 通知先の終了
    delivery_read = "delivery.read"  # 配信の記録の閲覧
    delivery_repeat = "delivery.repeat"  # 再配信


class Scope(StrEnum):
    """委任・トークンの範囲: which acts a delegation or a token is for. Narrows what rights allow, never adds to it."""

    patients = "patients"  # 利用者の登録・検索・基本属性
    records_read = "records.read"  # 記録・共有サマリーの閲覧
    records_write = "records.write"  # 記録の提出・取下げ
    changes = "changes"  # 更新情報とその通知
    consents = "consents"  # 同意
    care_team = "care_team"  # ケアチームと申請、事業所一覧
    emergency = "emergency"  # 緊急閲覧
    imports = "imports"  # 一括取込
    exports = "exports"  # 書出し
    oversight = "oversight"  # 閲覧できる者・閲覧記録・監査、権限表の閲覧
    administration = "administration"  # 管理


class ActorKind(StrEnum):
    """誰として働くか."""

    client = "client"  # 連携システム, for one organization
    member = "member"  # 職員, signed in under a post at one organization
    admin = "admin"  # 基盤の管理者
    auditor = "auditor"  # 監査人: reads the ledger, sees no content
    organization_admin = "organization_admin"  # 事業所の管理者: of its own organization's ledger
    worker = "worker"  # 基盤の定期処理


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
    not_proved_recently = "not_proved_recently"  # 本人の再確認が必要


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
